-- Calls of tools and models that deriving told, or took back.
-- Bound: nothing; reads the temporary tables told_action and forgotten_action.
create or replace temp view changed_call as
with
    changed as (
        select 1 as calls, *
        from told_action
        union all by name
        select -1 as calls, *
        from forgotten_action
    )
select *
from changed
where kind in ('tool', 'model');
