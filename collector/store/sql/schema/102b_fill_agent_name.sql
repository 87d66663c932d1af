-- A store that was filled before the names were kept.
insert into agent_name by name
select alias, agent, coalesce(decided_at, learnt_at) as learnt_at
from identities
where state = 'applied' and not exists (select 1 from agent_name);
