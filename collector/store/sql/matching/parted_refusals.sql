-- What was said to be told in those runs and is not any more.
-- Bound: $since, $until (timestamptz); reads the temporary tables due_slot and paired_refusal.
create or replace temp table parted_refusal as
with
    near as (
        select distinct name, slot + unnest([-1, 0, 1]) as slot
        from due_slot
    )
select m.*
from loose_refusal as m
semi join near as n on n.name = m.name and n.slot = match_slot(m.decided_ns)
anti join paired_refusal as p using (decision_id, trace_id, span_id)
where m.decided_at between $since and $until;
