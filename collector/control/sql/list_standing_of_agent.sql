-- Holds in force for one agent, oldest first.
-- Bound: $agent_name, $now.
select *
from command
where state not in ('released', 'expired')
    and agent_name = $agent_name
    and expires_at > $now
order by issued_at, command_id;
