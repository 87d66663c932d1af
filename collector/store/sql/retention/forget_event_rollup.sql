-- Counts of runs and actions past their time, of steps of which no row of run or action is kept.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
delete from event_rollup as t
where
    t.started_in < $before - interval 1 hour
    and (t.started_in, t.agent) not in (
        select (time_bucket(interval 5 minutes, started_at), agent)
        from run
        where started_at < $before
        union all
        select (time_bucket(interval 5 minutes, started_at), agent)
        from action
        where started_at < $before
    )
    and not exists (
        select 1
        from standing_hold as h
        where t.started_in >= h.since and t.started_in < h.until
            and (h.agent is null or h.agent = t.agent or t.agent in (select n.alias from agent_names as n where n.agent = h.agent))
    );
