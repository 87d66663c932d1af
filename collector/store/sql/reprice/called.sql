-- The calls of models of a part whose cost nobody told: only these are computed.
-- Bound: $since_ns, $last_ns.
create or replace temp table called as
select
    trace_id,
    span_id,
    run_span_id,
    kind,
    model,
    provider,
    started_at,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    cost_usd as cost_before_usd,
    null::double as cost_usd
from action
where
    kind in ('model', 'embedding')
    and start_ns between $since_ns and $last_ns
    and (cost_usd is null or cost_origin = 'computed');
