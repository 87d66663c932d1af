-- The sequences whose time is over, and of which no action is kept: a hold on one keeps them.
-- Bound: $before (timestamptz); calls is_held.
create or replace temp table due as
select t.rowid as id, t.completed_at as told_at
from sequence_match as t
where
    t.completed_at < $before
    and t.rowid not in (
        select m.rowid
        from (
            select rowid, unnest(trace_ids) as trace_id, unnest(span_ids) as span_id
            from sequence_match
            where completed_at < $before
        ) as m
        inner join action as a on a.trace_id = m.trace_id and a.span_id = m.span_id
    )
    and not is_held(t.completed_at, t.key, null);
