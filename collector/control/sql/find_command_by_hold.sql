-- The command that created a hold.
-- Bound: $hold_id.
select *
from command
where hold_id = $hold_id;
