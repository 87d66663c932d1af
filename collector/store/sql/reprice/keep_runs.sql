-- Keep the new sums of their runs, as derivation makes them. A run begins within six hours of its
-- calls. Bound: $since_ns, $last_ns; reads the temporary table repriced.
update run as r
set
    cost_usd = s.cost_usd,
    cost_origin = s.cost_origin,
    unpriced_calls = s.unpriced_calls
from (
    select
        trace_id,
        run_span_id,
        sum(cost_usd::decimal(25, 12))::double as cost_usd,
        count(*) filter (where cost_usd is null) as unpriced_calls,
        case
            when count(distinct cost_origin) = 1 then any_value(cost_origin)
            when count(distinct cost_origin) > 1 then 'mixed'
        end as cost_origin
    from action
    where
        kind in ('model', 'embedding')
        and outcome <> 'denied'
        and start_ns between $since_ns - 43200000000000 and $last_ns + 43200000000000
        and (trace_id, run_span_id) in (select (trace_id, run_span_id) from repriced)
    group by trace_id, run_span_id
) as s
where
    r.trace_id = s.trace_id
    and r.span_id = s.run_span_id
    and not coalesce(r.tells_usage, false)
    and r.start_ns between $since_ns - 21600000000000 and $last_ns + 21600000000000;
