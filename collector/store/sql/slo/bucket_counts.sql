-- How many events counted and how many were good, per agent in equal steps of time; empty steps are absent.
-- $started_from: nothing that happened since started earlier; it spares reading older rows.
-- Bound: $started_from, $since, $until (timestamptz), $bucket_s (seconds), $origin (timestamptz, from
-- which the steps count), $agent (or null for all), and what objective_events binds.
select
    agent,
    time_bucket(to_seconds($bucket_s), happened_at, $origin) as bucket,
    count(*) filter (where good) as good,
    count(*) as total
from
    objective_events(
        $signal, $outcomes, $verdicts, $kinds, $names, $models, $environments, $agents,
        $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_names, $marked_models,
        $marked_environments, $marked_agents, $marks_bad, $limit_ms, $inclusive
    )
where happened_at >= $since and happened_at < $until and started_at < $until and started_at >= $started_from and ($agent is null or agent = $agent)
group by agent, bucket
order by agent, bucket
