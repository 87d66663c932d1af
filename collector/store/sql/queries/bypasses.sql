-- Actions that went through although denied, not approved or under a hold, the newest first.
-- Bound: $since, $until (timestamptz), $agent, $certainty, $before_ns (or null), $limit.
select
    bypass,
    certainty,
    reason,
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
    lower(hex(trace_id)) as trace_id,
    lower(hex(span_id)) as span_id,
    decision_id,
    matched_by,
    verdict,
    effect,
    decided_at,
    policy,
    rule,
    hold_id,
    command_id,
    acked_at
from bypasses_between($since, $until)
where
    ($agent is null or agent = $agent)
    and ($certainty is null or certainty = $certainty)
    and ($before_ns is null or start_ns < $before_ns)
order by start_ns desc, bypass, trace_id, span_id
limit $limit
