-- The calls whose cost is another now. Bound: nothing; reads the temporary tables called and
-- model_price.
create or replace temp table repriced as
with
    computed as (
        select
            c.trace_id,
            c.span_id,
            call_cost_usd(
                c.input_tokens,
                c.output_tokens,
                c.cache_read_tokens,
                c.cache_write_tokens,
                p.rates,
                p.long_input_tokens,
                p.long_rates
            ) as cost_usd
        from called as c
        inner join model_price as p
            on p.model = c.model
            and p.provider is not distinct from c.provider
            and c.started_at >= p.begins
            and c.started_at < p.ends
    )
select
    c.trace_id,
    c.span_id,
    c.run_span_id,
    c.model,
    c.provider,
    c.started_at,
    c.cost_before_usd,
    m.cost_usd
from called as c
left join computed as m on m.trace_id = c.trace_id and m.span_id = c.span_id and m.cost_usd <= 1000000
where m.cost_usd is distinct from c.cost_before_usd;
