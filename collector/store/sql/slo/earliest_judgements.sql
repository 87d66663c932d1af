-- Since when each objective has been judged for each agent.
-- Bound: nothing.
select objective, agent, min(judged_at) as judged_at
from budget
group by objective, agent
order by objective, agent
