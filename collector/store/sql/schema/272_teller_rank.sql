-- How much a teller knows: of two tellings of one fact the one with the lower rank counts.
create or replace macro teller_rank(told_by) as list_position(
    ['canonical', 'audit_entry', 'log', 'log_line', 'span', 'span_event', 'metric'],
    told_by
);
