-- What deriving changed: runs and actions told anew count, those taken back count negative.
-- Bound: nothing; reads the temporary tables told_run, told_action, forgotten_run and forgotten_action.
create or replace temp table changed_event as
with
    changed as (
        select 'runs' as signal, 1 as events, null as kind, *
        from told_run
        union all by name
        select 'actions' as signal, 1 as events, *
        from told_action
        union all by name
        select 'runs' as signal, -1 as events, null as kind, *
        from forgotten_run
        union all by name
        select 'actions' as signal, -1 as events, *
        from forgotten_action
    )
select
    signal,
    agent,
    agent_id,
    framework,
    environment,
    instance,
    sample,
    kind,
    outcome,
    started_at,
    duration_ms,
    sum(events)::bigint as events
from changed
group by all
having sum(events) <> 0;
