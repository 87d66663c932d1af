-- These slots are being matched. Bound: nothing; reads the temporary table due_slot.
delete from unmatched_slot as u
where exists (from due_slot as d where d.name = u.name and d.slot = u.slot);
