-- The calls of models of crowded steps added up.
-- Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
select
    started_in,
    agent,
    environment,
    sample,
    model,
    provider,
    cost_origin,
    sum(calls)::bigint as calls,
    sum(cost_usd)::decimal(38, 12) as cost_usd,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(cache_write_tokens)::bigint as cache_write_tokens
from cost_rollup
where started_in in (select step from crowded)
group by all
having sum(calls) <> 0
order by started_in, agent;
