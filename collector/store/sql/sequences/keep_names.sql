-- The names by which actions are noted. Bound: nothing.
insert into sequence_name by name
select alias, agent
from agent_name
