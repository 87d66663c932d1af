-- Public view: calls of models and what they cost, by the hour in which they began. cost_usd is null
-- where the cost of no call is known; it holds the calls that are not unpriced.
create or replace view costs as
select
    started_in as hour,
    agent,
    environment,
    sample,
    model,
    provider,
    sum(calls)::bigint as calls,
    coalesce(sum(calls) filter (where cost_origin is null), 0)::bigint as unpriced_calls,
    coalesce(sum(calls) filter (where cost_origin = 'told'), 0)::bigint as told_calls,
    case when sum(calls) filter (where cost_origin is not null) > 0 then sum(cost_usd)::double end as cost_usd,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(cache_write_tokens)::bigint as cache_write_tokens
from named_cost_rollup
group by started_in, agent, environment, sample, model, provider
having sum(calls) > 0;
