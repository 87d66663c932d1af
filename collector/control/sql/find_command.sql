-- One command.
-- Bound: $command_id.
select *
from command
where command_id = $command_id;
