-- The very events that spent the budget, newest first.
-- $started_from: nothing that happened since started earlier; it spares reading older rows.
-- Bound: $started_from, $since, $until (timestamptz), $agent, $limit, and what objective_events binds.
select happened_at, reason, trace_id, run_id, what
from
    objective_events(
        $signal, $outcomes, $verdicts, $kinds, $names, $models, $environments, $agents,
        $marked_outcomes, $marked_verdicts, $marked_kinds, $marked_names, $marked_models,
        $marked_environments, $marked_agents, $marks_bad, $limit_ms, $inclusive
    )
where not good and happened_at >= $since and happened_at < $until and started_at < $until and started_at >= $started_from and agent = $agent
order by happened_at desc, trace_id, reason, what
limit $limit
