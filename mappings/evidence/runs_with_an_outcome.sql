-- Every run has an outcome and a length.
-- Population: runs.
-- Exception: have no known outcome or length.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
select
    count(*) as population,
    count(*) filter (where outcome = 'unknown' or duration_ms is null) as exceptions,
    list(agent || ' at ' || started_at || ', trace ' || trace_id order by started_at)
        filter (where outcome = 'unknown' or duration_ms is null)[1:10] as examples
from runs
where started_at >= $since and started_at < $until and ($agent is null or agent = $agent)
