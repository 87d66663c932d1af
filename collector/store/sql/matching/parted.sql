-- What was matched in those slots and is not any more. Bound: $since, $until (timestamptz); reads the temporary tables due_slot and paired.
create or replace temp table parted as
with
    concerned as (
        select distinct name, slot + unnest([0, 1]) as slot
        from due_slot
    )
select m.*
from loose_match as m
semi join concerned as d on d.name = m.name and d.slot = match_slot(m.ended_ns)
anti join paired as p
    on p.decision_id = m.decision_id
    and p.trace_id = m.trace_id
    and p.span_id = m.span_id
    and p.ended_ns = m.ended_ns
where m.started_at between $since - interval 1 minute and $until;
