-- Every decision other than allow names the rule or reason behind it.
-- Population: decisions other than allow.
-- Exception: name neither rule, policy nor reason.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
select
    count(*) as population,
    count(*) filter (where coalesce(rule, policy, reason_code, reason) is null) as exceptions,
    list(agent || ': ' || verdict || ' of ' || coalesce(action, 'an unnamed action') || ' at ' || decided_at order by decided_at)
        filter (where coalesce(rule, policy, reason_code, reason) is null)[1:10] as examples
from decisions
where
    verdict <> 'allow' and decided_at >= $since and decided_at < $until
    and ($agent is null or agent = $agent)
