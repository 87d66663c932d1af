-- What happened to agents and is no verdict, each fact once, newest first.
-- Bound: $since, $until (timestamptz), $agent, $kind, $before_ns (or null), $limit.
select
    event_id,
    told_at as happened_at,
    told_ns as happened_ns,
    kind,
    name,
    subject,
    agent,
    agent_id,
    instance,
    environment,
    from_value,
    to_value,
    value,
    reason,
    dialect,
    told_by,
    trace_id,
    span_id,
    sample,
    detail
from governance_events
where
    told_at >= $since
    and told_at < $until
    and ($agent is null or agent = $agent)
    and ($kind is null or kind = $kind)
    and ($before_ns is null or told_ns < $before_ns)
order by told_ns desc, kind, event_id
limit $limit
