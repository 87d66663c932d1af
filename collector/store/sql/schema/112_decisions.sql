-- Public view: verdicts.
create or replace view decisions as
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
    raw_verdict,
    received_at
from named_decision;
