-- The latest steps with the holds that came of them, newest first.
-- Bound: $limit.
select s.*, c.hold_id, c.state as hold_state, c.expires_at as hold_expires_at
from budget_step as s
left join command as c on c.command_id = s.command_id
order by s.taken_at desc, s.step_id desc
limit $limit;
