-- How many events counted and how many were good, per agent in each of several windows with one end,
-- from the rollups: every start and the end must begin a step of five minutes.
-- Bound: $starts (timestamptz[]), $until (timestamptz), $agent (or null for all), and what
-- objective_rolled binds. A window is named by its place in $starts, from 0.
with
    span_of_time as (
        select unnest(range(len($starts))) as place, unnest($starts) as starts_at
    ),
    step as (
        select
            agent,
            happened_in,
            sum(events) filter (where good) as good,
            sum(events) as total
        from
            objective_rolled(
                $signal, $outcomes, $verdicts, $kinds, $environments, $agents,
                $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_environments,
                $marked_agents, $marks_bad
            )
        where
            happened_in >= list_min($starts)
            and happened_in < $until
            and ($agent is null or agent = $agent)
        group by agent, happened_in
    )
select
    s.agent,
    w.place,
    coalesce(sum(s.good), 0)::bigint as good,
    sum(s.total)::bigint as total
from step as s
inner join span_of_time as w on s.happened_in >= w.starts_at
group by s.agent, w.place
order by s.agent, w.place
