-- What each agent's calls of models cost in a period: whole hours as they are counted, and the
-- calls themselves where the period begins or ends within an hour, as days do in Kolkata.
-- Bound: $since, $until (timestamptz).
with
    period as (
        select
            cast($since as timestamptz) as since,
            cast($until as timestamptz) as until,
            date_trunc('hour', since + interval '1 hour' - interval '1 microsecond') as first_hour,
            date_trunc('hour', until) as last_hour
    ),
    called as (
        select agent, sample, cost_usd, cost_origin, started_at
        from named_action
        where kind in ('model', 'embedding') and outcome <> 'denied'
        union all
        select agent, sample, cost_usd, cost_origin, started_at
        from named_run
        where tells_usage and outcome <> 'denied'
    ),
    counted as (
        select agent, sample, calls, unpriced_calls, cost_usd::decimal(38, 12) as cost_usd
        from costs
        where hour >= (select first_hour from period) and hour < (select last_hour from period)
        union all
        select agent, sample, 1, (cost_usd is null)::bigint, cost_usd::decimal(38, 12)
        from called
        where
            started_at >= (select since from period)
            and started_at < (select least(first_hour, until) from period)
        union all
        select agent, sample, 1, (cost_usd is null)::bigint, cost_usd::decimal(38, 12)
        from called
        where
            started_at >= (select greatest(last_hour, first_hour) from period)
            and started_at < (select until from period)
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
