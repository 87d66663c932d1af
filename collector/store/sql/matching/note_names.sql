-- Decisions outside of any trace about agents that are named otherwise than before.
-- Bound: nothing; reads the temporary table name_before.
insert into unmatched_slot by name
with
    changed as (
        (select alias, agent from agent_name except select alias, agent from name_before)
        union all
        (select alias, agent from name_before except select alias, agent from agent_name)
    ),
    concerned as (
        select unnest([alias, agent]) as agent
        from changed
    ),
    moved as (
        select distinct action as name, match_slot(decided_ns) as slot
        from named_decision
        where
            trace_id is null
            and action is not null
            and (agent in (select agent from concerned) or agent_id in (select agent from concerned))
    )
select m.*, 0 as failures
from moved as m
anti join unmatched_slot as u using (name, slot);
