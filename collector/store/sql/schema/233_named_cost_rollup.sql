-- Calls of models by hour, with the agent's name where it was told by an identifier only.
create or replace view named_cost_rollup as
select r.* replace (coalesce(n.agent, r.agent) as agent)
from cost_rollup as r
left join agent_names as n on n.alias = r.agent;
