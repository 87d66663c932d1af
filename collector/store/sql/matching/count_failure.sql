-- These slots could not be matched: others come first. Bound: nothing; reads the temporary table due_slot.
update unmatched_slot as u
set failures = failures + 1
where exists (from due_slot as d where d.name = u.name and d.slot = u.slot);
