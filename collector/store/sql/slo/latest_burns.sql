-- The latest counts of each burn window of each objective for each agent.
-- Bound: $objective, $agent (each or null for all).
select
    objective,
    agent,
    window_label,
    arg_max(good, judged_at) as good,
    arg_max(bad, judged_at) as bad
from burn
where ($objective is null or objective = $objective) and ($agent is null or agent = $agent)
group by objective, agent, window_label
order by objective, agent, window_label
