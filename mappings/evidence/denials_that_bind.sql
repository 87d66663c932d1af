-- Every denial is enforced.
-- Population: denials.
-- Exception: were watched only, or executed all the same.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
select
    count(*) as population,
    count(*) filter (where effect = 'executed' or mode in ('monitor', 'dry_run')) as exceptions,
    list(agent || ': ' || coalesce(action, 'an unnamed action') || ' at ' || decided_at order by decided_at)
        filter (where effect = 'executed' or mode in ('monitor', 'dry_run'))[1:10] as examples
from decisions
where
    verdict = 'deny' and decided_at >= $since and decided_at < $until
    and ($agent is null or agent = $agent)
