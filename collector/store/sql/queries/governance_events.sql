-- What happened to agents and is no verdict, each fact once, newest first.
-- Bound: $since, $until (timestamptz), $agent, $kind (or null), $limit.
select
    told_at as happened_at,
    kind,
    name,
    subject,
    agent,
    from_value,
    to_value,
    value,
    reason,
    dialect,
    told_by,
    trace_id,
    span_id,
    sample
from governance_events
where
    told_at >= $since
    and told_at < $until
    and ($agent is null or agent = $agent)
    and ($kind is null or kind = $kind)
order by told_ns desc, kind, event_id
limit $limit
