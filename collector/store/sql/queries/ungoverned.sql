-- Tool and model calls nobody decided about, of agents that tell decisions; newest first.
-- Bound: $since, $until (timestamptz), $agent, $kind, $before_ns (or null), $limit.
select
    lower(hex(trace_id)) || lower(hex(span_id)) as action_id,
    lower(hex(trace_id)) as trace_id,
    lower(hex(span_id)) as span_id,
    agent,
    framework,
    environment,
    sample,
    kind,
    name,
    started_at,
    start_ns,
    duration_ms,
    outcome
from coverage_between($since, $until)
where
    measured
    and decision_id is null
    and ($agent is null or agent = $agent)
    and ($kind is null or kind = $kind)
    and ($before_ns is null or start_ns < $before_ns)
order by start_ns desc, trace_id, span_id
limit $limit
