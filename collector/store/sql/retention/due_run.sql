-- The rows of run whose time is over and that no hold covers. One of a trace of which a span
-- came late is as young as that arrival.
-- Bound: $before (timestamptz); calls is_held.
create or replace temp table due as
select t.rowid as id, t.started_at as told_at
from run as t
where
    t.started_at < $before
    and t.trace_id not in (
        select s.trace_id
        from every_span as s
        where s.started_at < $before and s.received_at >= $before
    )
    and not is_held(t.started_at, t.agent, t.agent_id);
