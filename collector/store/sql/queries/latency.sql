-- How long the runs and the actions of each agent took: median and 95th and 99th percentile of those
-- that started in the period and were measured.
-- Whole hours come from the rollups, both ends of the period from the rows. A percentile is the
-- middle of its bucket, at most 1.25 % from the duration that stands at its place.
-- Bound: $since, $until, $hours_from, $hours_until (timestamptz), $agent (or null).
with
    counted as (
        select signal, agent, bucket, events
        from latency_rollup
        where started_in >= $hours_from and started_in < $hours_until
        union all by name
        select 'runs' as signal, agent, latency_bucket(duration_ms) as bucket, 1 as events
        from run
        where duration_ms is not null and started_at >= $since and started_at < $hours_from
        union all by name
        select 'runs' as signal, agent, latency_bucket(duration_ms) as bucket, 1 as events
        from run
        where duration_ms is not null and started_at >= $hours_until and started_at < $until
        union all by name
        select 'actions' as signal, agent, latency_bucket(duration_ms) as bucket, 1 as events
        from action
        where duration_ms is not null and started_at >= $since and started_at < $hours_from
        union all by name
        select 'actions' as signal, agent, latency_bucket(duration_ms) as bucket, 1 as events
        from action
        where duration_ms is not null and started_at >= $hours_until and started_at < $until
    ),
    bucketed as (
        select c.signal, coalesce(n.agent, c.agent) as agent, c.bucket, sum(c.events) as events
        from counted as c
        left join agent_names as n on n.alias = c.agent
        where $agent is null or coalesce(n.agent, c.agent) = $agent
        group by all
        having sum(c.events) > 0
    ),
    placed as (
        select
            *,
            sum(events) over (partition by signal, agent order by bucket) as up_to,
            sum(events) over (partition by signal, agent) as total
        from bucketed
    )
select
    agent,
    signal,
    any_value(total)::bigint as measured,
    latency_of(min(bucket) filter (where up_to >= ceil(0.5 * total))) as p50_ms,
    latency_of(min(bucket) filter (where up_to >= ceil(0.95 * total))) as p95_ms,
    latency_of(min(bucket) filter (where up_to >= ceil(0.99 * total))) as p99_ms
from placed
group by agent, signal
order by agent, signal
