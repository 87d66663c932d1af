-- Every action belongs to a recorded run.
-- Population: actions.
-- Exception: belong to no recorded run.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
select
    count(*) as population,
    count(*) filter (where run_id is null) as exceptions,
    list(agent || ' called ' || name || ' at ' || started_at order by started_at)
        filter (where run_id is null)[1:10] as examples
from actions
where started_at >= $since and started_at < $until and ($agent is null or agent = $agent)
