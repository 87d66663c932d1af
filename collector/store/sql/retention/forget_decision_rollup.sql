-- Counts of decisions past their time, of steps of which no row of decision is kept.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
delete from decision_rollup as t
where
    t.decided_in < $before - interval 1 hour
    and (t.decided_in, t.agent) not in (
        select (time_bucket(interval 5 minutes, decided_at), agent)
        from decision
        where decided_at < $before
    )
    and not exists (
        select 1
        from standing_hold as h
        where t.decided_in >= h.since and t.decided_in < h.until
            and (h.agent is null or h.agent = t.agent or t.agent in (select n.alias from agent_names as n where n.agent = h.agent))
    );
