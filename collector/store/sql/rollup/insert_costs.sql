-- Count the calls of models that changed. Bound: nothing; reads the temporary view changed_cost.
insert into cost_rollup by name
select
    date_trunc('hour', started_at) as started_in,
    agent,
    environment,
    sample,
    model,
    provider,
    coalesce(cost_origin, case when cost_usd is not null then 'told' end) as cost_origin,
    sum(calls)::bigint as calls,
    sum(calls * coalesce(cost_usd, 0)::decimal(25, 12))::decimal(38, 12) as cost_usd,
    sum(calls * sane_tokens(input_tokens))::bigint as input_tokens,
    sum(calls * sane_tokens(output_tokens))::bigint as output_tokens,
    sum(calls * sane_tokens(cache_read_tokens))::bigint as cache_read_tokens,
    sum(calls * sane_tokens(cache_write_tokens))::bigint as cache_write_tokens
from changed_cost
group by all
having
    sum(calls) <> 0
    or sum(calls * coalesce(changed_cost.cost_usd, 0)::decimal(25, 12)) <> 0
    or sum(calls * sane_tokens(changed_cost.input_tokens)) <> 0
    or sum(calls * sane_tokens(changed_cost.output_tokens)) <> 0
    or sum(calls * sane_tokens(changed_cost.cache_read_tokens)) <> 0
    or sum(calls * sane_tokens(changed_cost.cache_write_tokens)) <> 0
order by started_in, agent;
