-- What each agent's calls of models cost in a period: whole hours as they are counted, and the
-- calls themselves where the period begins or ends within an hour, as days do in Kolkata.
-- Bound: $since, $until (timestamptz), $first_hour (the first whole hour of it), $last_hour (the end
-- of its last). They are bound one by one, so that no more of the calls is read than lies between.
with
    called as (
        select agent, sample, cost_usd, started_at
        from named_action
        where kind in ('model', 'embedding') and outcome <> 'denied'
        union all
        select agent, sample, cost_usd, started_at
        from named_run
        where tells_usage and outcome <> 'denied'
    ),
    counted as (
        select agent, sample, calls, unpriced_calls, cost_usd::decimal(38, 12) as cost_usd
        from costs
        where hour >= cast($first_hour as timestamptz) and hour < cast($last_hour as timestamptz)
        union all
        select agent, sample, 1, (cost_usd is null)::bigint, cost_usd::decimal(38, 12)
        from called
        where
            started_at >= cast($since as timestamptz)
            and started_at < cast($first_hour as timestamptz)
        union all
        select agent, sample, 1, (cost_usd is null)::bigint, cost_usd::decimal(38, 12)
        from called
        where
            started_at >= cast($last_hour as timestamptz)
            and started_at < cast($until as timestamptz)
    )
select
    agent,
    bool_or(sample) as sample,
    sum(calls)::bigint as calls,
    sum(unpriced_calls)::bigint as unpriced_calls,
    sum(cost_usd)::double as cost_usd
from counted
group by agent
order by agent;
