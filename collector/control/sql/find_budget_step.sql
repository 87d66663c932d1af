-- A step with the hold that came of it.
-- Bound: $step_id.
select s.*, c.hold_id, c.state as hold_state, c.expires_at as hold_expires_at
from budget_step as s
left join command as c on c.command_id = s.command_id
where s.step_id = $step_id;
