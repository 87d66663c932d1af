-- What spent the budget: bad events by reason, most first.
-- Bound: $since, $until (timestamptz), $agent, and what objective_events binds.
select reason, count(*) as bad
from
    objective_events(
        $signal, $outcomes, $verdicts, $kinds, $names, $models, $environments, $agents,
        $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_names, $marked_models,
        $marked_environments, $marked_agents, $marks_bad, $limit_ms, $inclusive
    )
where not good and happened_at >= $since and happened_at < $until and agent = $agent
group by reason
order by bad desc, reason
