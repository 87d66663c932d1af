-- Calls of tools and models by hour, with the agent's name where it was told by an identifier only.
create or replace view named_call_rollup as
select r.* replace (coalesce(n.agent, r.agent) as agent)
from call_rollup as r
left join agent_names as n on n.alias = r.agent;
