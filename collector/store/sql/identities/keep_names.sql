-- The names as they stand now. Bound: nothing.
insert into agent_name by name
select alias, agent, coalesce(decided_at, learnt_at) as learnt_at
from identities
where state = 'applied'
