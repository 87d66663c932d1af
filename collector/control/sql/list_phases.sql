-- The phases of one command in the order they were reached.
-- Bound: $command_id.
select phase, reached_at, actor
from phase
where command_id = $command_id
order by reached_at, rowid;
