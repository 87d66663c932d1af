-- Counts of calls and of how they were decided about past their time, of steps of which no row of action is kept.
-- Bound: $before (timestamptz); calls is_held.
delete from call_rollup as t
where
    t.started_in < $before - interval 1 hour
    and (t.started_in, t.agent) not in (
        select (date_trunc('hour', started_at), agent)
        from action
        where started_at < $before
    )
    and not is_held(t.started_in, t.agent, null);
