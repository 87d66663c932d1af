-- Public view: agent invocations. ended_by: what told the end: span, control (a kill), or null when
-- nothing has told it.
create or replace view runs as
select
    lower(hex(span_id)) as run_id,
    lower(hex(trace_id)) as trace_id,
    agent,
    agent_id,
    instance,
    framework,
    environment,
    sample,
    conversation_id,
    started_at,
    start_ns,
    duration_ms,
    outcome,
    error_type,
    input_tokens,
    output_tokens,
    cost_usd,
    coalesce(cost_origin, case when cost_usd is not null then 'told' end) as cost_origin,
    unpriced_calls,
    ended_by
from named_run;
