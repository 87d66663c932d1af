-- Public view: the names that stand for an agent of another name, as it is shown everywhere.
create or replace view agent_names as
select alias, agent, learnt_at
from agent_name;
