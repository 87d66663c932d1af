-- Public view: model and tool calls.
create or replace view actions as
select
    lower(hex(trace_id)) || lower(hex(span_id)) as action_id,
    lower(hex(trace_id)) as trace_id,
    lower(hex(span_id)) as span_id,
    lower(hex(run_span_id)) as run_id,
    agent,
    agent_id,
    instance,
    framework,
    environment,
    sample,
    conversation_id,
    kind,
    name,
    model,
    started_at,
    start_ns,
    duration_ms,
    outcome,
    error_type,
    input_tokens,
    output_tokens,
    cost_usd,
    decision_id
from named_action;
