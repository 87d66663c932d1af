-- Trust scores as they were reported.
-- Bound: $since, $until (timestamptz), $agent (or null).
select
    agent,
    scored_at as "at",
    score,
    tier,
    origin,
    reason,
    sample
from named_trust_point
where scored_at >= $since and scored_at < $until and ($agent is null or agent = $agent)
order by agent, scored_ns, sequence
