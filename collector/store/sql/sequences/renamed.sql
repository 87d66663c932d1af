-- The names that stand for another agent than when actions were noted; answers how many.
-- Bound: nothing.
create or replace temp table renamed_agent as
select coalesce(n.alias, u.alias) as alias
from agent_name as n
full join sequence_name as u on u.alias = n.alias
where n.agent is distinct from u.agent
