-- Names of agents: what was learnt and what was decided about each, those that need a decision first.
-- Bound: $agent (or null).
select
    alias,
    agent,
    state,
    claimed_by,
    learnt_from,
    learnt_at,
    decided_by,
    decided_at,
    reason
from identities
where $agent is null or agent = $agent or list_contains(claimed_by, $agent)
order by case state when 'contested' then 0 when 'parted' then 1 else 2 end, agent, alias
