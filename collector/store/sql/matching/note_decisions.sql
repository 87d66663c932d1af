-- Decisions outside of any trace that are new, or taken back: their slots are matched anew.
-- Bound: nothing; reads the temporary table changed_decision.
insert into unmatched_slot by name
with
    changed as (
        select distinct action as name, match_slot(decided_ns) as slot
        from changed_decision
        where trace_id is null and action is not null
    )
select c.*, 0 as failures
from changed as c
anti join unmatched_slot as u using (name, slot);
