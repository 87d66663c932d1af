-- When components were used, of those that no agent used since: of any other it is told when it was used first.
-- Bound: $before (timestamptz); calls is_held.
delete from component_rollup as t
where
    t.seen_in < $before - interval 1 hour
    and (t.kind, t.name) not in (
        select (kind, name)
        from component_rollup
        where seen_in >= $before
    )
    and (t.seen_in, t.agent) not in (
        select (date_trunc('hour', started_at), agent)
        from run
        where started_at < $before
        union all
        select (date_trunc('hour', started_at), agent)
        from action
        where started_at < $before
    )
    and not is_held(t.seen_in, t.agent, null);
