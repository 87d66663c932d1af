-- The slots to match next: those that failed least, the newest first. Bound: $most.
create or replace temp table due_slot as
select name, slot
from unmatched_slot
order by failures, slot desc, name
limit $most;
