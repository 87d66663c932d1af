-- The names of agents before they are told anew. Bound: nothing.
create or replace temp table name_before as
select alias, agent
from agent_name;
