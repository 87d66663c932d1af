-- The latest commands, newest first.
-- Bound: $limit.
select *
from command
order by issued_at desc, command_id desc
limit $limit;
