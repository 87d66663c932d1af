-- Calls that such a decision may be about and that derivation told otherwise than before.
-- Bound: nothing; reads the temporary tables told_action and forgotten_action.
insert into unmatched_slot by name
with
    changed as (
        select 1 as calls, *
        from told_action
        union all by name
        select -1 as calls, *
        from forgotten_action
    ),
    moved as (
        select
            trace_id,
            span_id,
            agent,
            name,
            start_ns,
            match_slot(match_end_ns(start_ns, duration_ms)) as slot,
            decision_id is null or matched_by = 'time' as is_free
        from changed
        where kind in ('tool', 'model') and name in (select name from loose_name)
        group by all
        having sum(calls) <> 0
    )
select distinct m.name, m.slot, 0 as failures
from moved as m
anti join unmatched_slot as u using (name, slot);
