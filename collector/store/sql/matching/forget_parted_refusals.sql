-- Bound: nothing; reads the temporary table parted_refusal.
delete from loose_refusal as m
where exists (
    from parted_refusal as p
    where p.decision_id = m.decision_id and p.trace_id = m.trace_id and p.span_id = m.span_id
);
