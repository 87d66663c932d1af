-- Every use of a component as if it were told for the first time, to count them all again.
-- Bound: nothing.
create or replace temp view changed_component as
with
    event as (
        select *
        from action
        union all by name
        select 'agent' as kind, *
        from run
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
    count(*) as events
from event
group by all;
