-- Every run and action as if it were told for the first time, to count them all again.
-- Bound: nothing.
create or replace temp view changed_event as
with
    event as (
        select 'runs' as signal, null as kind, *
        from run
        union all by name
        select 'actions' as signal, *
        from action
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
    1::bigint as events
from event;
