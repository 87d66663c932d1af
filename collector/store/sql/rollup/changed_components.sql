-- Uses of components that deriving told, or took back.
-- Bound: nothing; reads the temporary tables told_run, told_action, forgotten_run and forgotten_action.
create or replace temp table changed_component as
with
    changed as (
        select 1 as events, *
        from told_action
        union all by name
        select -1 as events, *
        from forgotten_action
        union all by name
        select 1 as events, 'agent' as kind, *
        from told_run
        union all by name
        select -1 as events, 'agent' as kind, *
        from forgotten_run
    )
select
    date_trunc('hour', started_at) as seen_in,
    agent,
    sample,
    kind,
    case when kind = 'tool' then name end as tool,
    model,
    provider,
    mcp_server,
    framework,
    scope_hash,
    sum(events)::bigint as events
from changed
group by all
having sum(events) <> 0;
