-- The decisions taken within one trace, in order.
-- Bound: $trace_id (32 hex digits), $since, $until (timestamptz).
select
    decision_id,
    decided_at,
    decided_ns,
    agent,
    agent_id,
    instance,
    environment,
    sample,
    action,
    verdict,
    effect,
    stage,
    mode,
    source,
    policy,
    rule,
    reason_code,
    reason,
    hold_id,
    command_id,
    lower(hex(trace_id)) as trace_id,
    lower(hex(span_id)) as span_id,
    dialect,
    raw_verdict
from named_decision
where trace_id = unhex($trace_id) and decided_at >= $since and decided_at <= $until
order by decided_ns, decision_id
