-- What spent the budget: bad events by reason, most first.
-- $started_from: nothing that happened since started earlier; it spares reading older rows.
-- Bound: $started_from, $since, $until (timestamptz), $agent, and what objective_events binds.
select reason, count(*) as bad
from
    objective_events(
        $signal, $outcomes, $verdicts, $kinds, $names, $models, $environments, $agents,
        $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_names, $marked_models,
        $marked_environments, $marked_agents, $marks_bad, $limit_ms, $inclusive
    )
where not good and happened_at >= $since and happened_at < $until and started_at < $until and started_at >= $started_from and agent = $agent
group by reason
order by bad desc, reason
