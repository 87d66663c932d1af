-- Keep the names not learnt before.
-- Bound: incoming (Arrow: the columns of agent_alias).
insert into agent_alias by name
select i.*
from incoming as i
where not exists (
    select 1
    from agent_alias as t
    where t.alias is not distinct from i.alias
        and t.agent is not distinct from i.agent
);
