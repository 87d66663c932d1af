-- When agents were seen, of those that were not seen since: of any other it is told when it was seen first.
-- Bound: $before (timestamptz); calls is_held.
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
    and not is_held(t.seen_in, t.agent, null);
