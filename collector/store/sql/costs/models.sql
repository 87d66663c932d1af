-- Models and what of their calls has a price, since a time; the most calls without one first.
-- A model of null is what runs told of their own usage.
-- Bound: $since (timestamptz, or null).
select
    model,
    provider,
    sum(calls)::bigint as calls,
    coalesce(sum(calls) filter (where cost_origin is null), 0)::bigint as unpriced_calls,
    case when bool_or(cost_origin is not null) then sum(cost_usd)::double end as cost_usd,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    min(started_in) as first_hour,
    max(started_in) as last_hour,
    bool_or(sample) as sample
from cost_rollup
where cast($since as timestamptz) is null or started_in >= cast($since as timestamptz)
group by model, provider
having sum(calls) > 0
order by unpriced_calls desc, calls desc, model, provider;
