-- Public view: tool and model calls, each with the decision about it (decision_id, null: ungoverned) and
-- how that was matched: span, tool_call_id, name (in its trace) or time (outside of it).
-- measured: whether its agent ever told a decision. For a period coverage_between is faster.
create or replace view coverage as
select
    lower(hex(trace_id)) || lower(hex(span_id)) as action_id,
    lower(hex(trace_id)) as trace_id,
    lower(hex(span_id)) as span_id,
    lower(hex(run_span_id)) as run_id,
    agent,
    instance,
    framework,
    environment,
    sample,
    kind,
    name,
    started_at,
    start_ns,
    duration_ms,
    outcome,
    span_outcome,
    decision_id,
    matched_by,
    measured
from coverage_between('-infinity'::timestamptz + interval 1 day, 'infinity'::timestamptz);
