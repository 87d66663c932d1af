-- When agents were seen, of those that were not seen since: of any other it is told when it was seen first.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
delete from agent_rollup as t
where
    t.seen_in < $before - interval 1 hour
    and coalesce((select n.agent from agent_names as n where n.alias = t.agent), t.agent) not in (
        select coalesce(n.agent, r.agent)
        from agent_rollup as r
        left join agent_names as n on n.alias = r.agent
        where r.seen_in >= $before
    )
    and t.agent not in (
        select agent
        from run
        where started_at < $before
        union all
        select agent
        from action
        where started_at < $before
        union all
        select agent
        from decision
        where decided_at < $before
    )
    and not exists (
        select 1
        from standing_hold as h
        where t.seen_in >= h.since and t.seen_in < h.until
            and (h.agent is null or h.agent = t.agent or t.agent in (select n.alias from agent_names as n where n.agent = h.agent))
    );
