-- Every intervention of an operator reached the agent.
-- Population: interventions (degrade, pause or stop).
-- Exception: were never acknowledged by any instance.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
select
    count(*) as population,
    count(*) filter (where acked_at is null) as exceptions,
    list(kind || ' of ' || agent || ' at ' || requested_at order by requested_at)
        filter (where acked_at is null)[1:10] as examples
from commands
where requested_at >= $since and requested_at < $until and ($agent is null or agent = $agent)
