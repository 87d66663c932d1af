-- What the next traces are made of: eight spans a trace, one agent a trace, equally many traces an hour.
-- An agent run calls a model and a tool three times each and one plain service.
-- Bound: $first, $last (numbers of traces), $begin (timestamptz), $step_ns (between two traces).
create or replace temp table plan as
with
    trace as (
        select
            t,
            unhex(md5('trace' || t)) as trace_id,
            -- Some agents are busier than others.
            least(hash(t, 1) % 20, hash(t, 2) % 20)::int as agent,
            epoch_ns($begin) + t * $step_ns + (hash(t, 3) % 1000000)::bigint as begin_ns
        from range($first, $last) as numbers(t)
    ),
    span as (
        select
            *,
            (hash(t, i, 4) % 1000000) / 1e6 as u,
            (hash(t, i, 5) % 1000000) / 1e6 as v,
            hash(t, i, 6) as dice
        from trace
        cross join range(8) as places(i)
    )
select
    t,
    i,
    trace_id,
    agent,
    unhex(substr(md5('span' || t || '-' || i), 1, 16)) as span_id,
    unhex(substr(md5('span' || t || '-0'), 1, 16)) as root_id,
    case when i = 0 then 'agent' when i = 7 then null when i % 2 = 1 then 'model' else 'tool' end as op,
    begin_ns + i * 40000000 + (u * 1e6)::bigint as start_ns,
    -- Durations spread over four decades, about log-normal.
    ((case when i = 0 then 9e8 else 9e7 end) * exp(2.2 * (u + v + (dice % 1000) / 1000 - 1.5)))::bigint as duration_ns,
    case when dice % 50 = 0 then 2 else 0 end as status_code,
    ['search_orders', 'refund', 'send_mail', 'read_file', 'run_query', 'create_ticket', 'browse', 'transfer'][(dice % 8)::int + 1] as tool,
    ['model-large', 'model-small', 'model-reasoning'][(dice % 3)::int + 1] as model,
    dice,
    (dice % 4000)::bigint as input_tokens,
    (dice // 4000 % 800)::bigint as output_tokens
from span
order by t, i
