-- Nothing that waited for a person was executed without an answer.
-- Population: escalated actions.
-- Exception: were executed without a recorded approval.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
select
    count(*) as population,
    count(*) filter (where effect = 'executed') as exceptions,
    list(agent || ': ' || coalesce(action, 'an unnamed action') || ' at ' || decided_at order by decided_at)
        filter (where effect = 'executed')[1:10] as examples
from decisions
where
    verdict = 'escalate' and decided_at >= $since and decided_at < $until
    and ($agent is null or agent = $agent)
