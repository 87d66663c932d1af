-- The latest judgement of each objective for each agent; what was judged under an identifier
-- counts no more once the agent's name is known.
-- Bound: $objective, $agent (each or null for all).
select
    b.objective,
    b.agent,
    max(b.judged_at) as judged_at,
    arg_max(b.good, b.judged_at) as good,
    arg_max(b.bad, b.judged_at) as bad,
    arg_max(b.total, b.judged_at) as total,
    arg_max(b.target, b.judged_at) as target,
    arg_max_null(b.budget_left, b.judged_at) as budget_left,
    arg_max(b.state, b.judged_at) as state,
    arg_max(b.reason, b.judged_at) as reason
from budget as b
anti join agent_names as n on n.alias = b.agent
where ($objective is null or b.objective = $objective) and ($agent is null or b.agent = $agent)
group by b.objective, b.agent
order by b.objective, b.agent
