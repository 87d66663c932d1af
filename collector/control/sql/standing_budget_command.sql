-- The hold of this kind that a budget has put on an agent and that still stands.
-- Bound: $budget, $agent, $hold, $now.
select c.command_id
from budget_step as s
inner join command as c on c.command_id = s.command_id
where s.budget = $budget
    and s.agent = $agent
    and s.hold = $hold
    and c.state not in ('released', 'expired')
    and c.expires_at > $now
order by c.issued_at desc
limit 1;
