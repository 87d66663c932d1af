-- Sequences that were completed in the period, newest first.
-- Bound: $since, $until (timestamptz), $agent, $rule (or null), $limit.
select
    rule,
    severity,
    scope,
    key,
    agent,
    sample,
    first_at,
    completed_at,
    completed_ns,
    trace_id,
    span_id,
    actions,
    found_at
from sequence_matches
where
    completed_at >= $since
    and completed_at < $until
    and ($agent is null or agent = $agent)
    and ($rule is null or rule = $rule)
order by completed_ns desc, rule, key, span_id
limit $limit
