-- Counts of decisions past their time, of steps of which no row of decision is kept.
-- Bound: $before (timestamptz); calls is_held.
delete from decision_rollup as t
where
    t.decided_in < $before - interval 1 hour
    and (t.decided_in, t.agent) not in (
        select (time_bucket(interval 5 minutes, decided_at), agent)
        from decision
        where decided_at < $before
    )
    and not is_held(t.decided_in, t.agent, null);
