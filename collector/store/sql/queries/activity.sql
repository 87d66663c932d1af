-- What one agent did in equal steps of time; steps in which nothing was told are absent.
-- Whole steps of five minutes come from the rollups, both ends of the period from the rows.
-- Bound: $agent, $since, $until, $rolled_from, $rolled_until (timestamptz), $bucket_s (seconds).
with
    action_told as (
        select started_in as told_at, outcome, events
        from named_event_rollup
        where
            signal = 'actions'
            and agent = $agent
            and started_in >= $rolled_from
            and started_in < $rolled_until
        union all by name
        select started_at as told_at, outcome, 1 as events
        from named_action
        where agent = $agent and started_at >= $since and started_at < $rolled_from
        union all by name
        select started_at as told_at, outcome, 1 as events
        from named_action
        where agent = $agent and started_at >= $rolled_until and started_at < $until
    ),
    acted as (
        select
            time_bucket(to_seconds($bucket_s), told_at) as bucket,
            sum(events)::bigint as actions,
            coalesce(sum(events) filter (where outcome = 'error'), 0)::bigint as errors
        from action_told
        group by bucket
        having sum(events) > 0
    ),
    decision_told as (
        select decided_in as told_at, verdict, decisions
        from named_decision_rollup
        where agent = $agent and decided_in >= $rolled_from and decided_in < $rolled_until
        union all by name
        select decided_at as told_at, verdict, 1 as decisions
        from named_decision
        where agent = $agent and decided_at >= $since and decided_at < $rolled_from
        union all by name
        select decided_at as told_at, verdict, 1 as decisions
        from named_decision
        where agent = $agent and decided_at >= $rolled_until and decided_at < $until
    ),
    judged as (
        select
            time_bucket(to_seconds($bucket_s), told_at) as bucket,
            coalesce(sum(decisions) filter (where verdict = 'deny'), 0)::bigint as denied
        from decision_told
        group by bucket
        having sum(decisions) > 0
    )
select bucket, actions, errors, denied
from acted
full join judged using (bucket)
order by bucket
