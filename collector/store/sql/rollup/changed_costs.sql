-- Calls of models that deriving told, or took back; a call that was refused was never made.
-- Bound: nothing; reads the temporary tables told_run, told_action, forgotten_run and forgotten_action.
create or replace temp view changed_cost as
with
    changed as (
        select 1 as calls, *
        from told_action
        union all by name
        select -1 as calls, *
        from forgotten_action
    ),
    changed_run as (
        select 1 as calls, *
        from told_run
        union all by name
        select -1 as calls, *
        from forgotten_run
    )
select *
from changed
where kind in ('model', 'embedding') and outcome <> 'denied'
union all by name
select *
from changed_run
where tells_usage and outcome <> 'denied';
