-- How many events counted and how many were good, per agent in equal steps of time, from the rollups;
-- empty steps are absent.
-- Bound: $since, $until (timestamptz), each beginning a step of five minutes, $bucket_s (a multiple
-- of 300 seconds), $origin (timestamptz beginning a step of five minutes, from which they count), $agent
-- (or null for all), and what objective_rolled binds.
select
    agent,
    time_bucket(to_seconds($bucket_s), happened_in, $origin) as bucket,
    coalesce(sum(events) filter (where good), 0)::bigint as good,
    sum(events)::bigint as total
from
    objective_rolled(
        $signal, $outcomes, $verdicts, $kinds, $environments, $agents,
        $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_environments,
        $marked_agents, $marks_bad
    )
where happened_in >= $since and happened_in < $until and ($agent is null or agent = $agent)
group by agent, bucket
having sum(events) <> 0
order by agent, bucket
