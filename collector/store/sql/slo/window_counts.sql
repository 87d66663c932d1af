-- How many events counted and how many were good, per agent in each of several windows with one end.
-- $started_from: nothing that happened since started earlier; it spares reading older rows.
-- Bound: $started_from, $starts (timestamptz[]), $until (timestamptz), $agent (or null for all), and what
-- objective_events binds. A window is named by its place in $starts, from 0.
with
    span_of_time as (
        select unnest(range(len($starts))) as place, unnest($starts) as starts_at
    )
select e.agent, w.place, count(*) filter (where e.good) as good, count(*) as total
from
    objective_events(
        $signal, $outcomes, $verdicts, $kinds, $names, $models, $environments, $agents,
        $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_names, $marked_models,
        $marked_environments, $marked_agents, $marks_bad, $limit_ms, $inclusive
    ) as e
join span_of_time as w on e.happened_at >= w.starts_at
where
    e.happened_at < $until
    and e.started_at < $until
    and e.started_at >= $started_from
    and ($agent is null or e.agent = $agent)
group by e.agent, w.place
order by e.agent, w.place
