-- Decisions by steps of five minutes, with the agent's name where it was told by an identifier only.
create or replace view named_decision_rollup as
select r.* replace (coalesce(n.agent, r.agent) as agent)
from decision_rollup as r
left join agent_names as n on n.alias = r.agent;
