-- Public view: what happened to agents and is no verdict, each fact once. A telling gives way to
-- a better one of the same fact within a second.
create or replace view governance_events as
with
    -- Summed up by the second: whoever tells one thing a million times costs a million, not its square.
    better as (
        select
            copy_key,
            teller_rank(told_by) as rank,
            min(told_ns) as earliest_ns,
            max(told_ns) as latest_ns,
            unnest([-1, 0, 1]) + told_ns // 1000000000 as near_second
        from governance_event
        group by copy_key, rank, told_ns // 1000000000
    )
select
    e.event_id,
    e.told_at,
    e.told_ns,
    e.kind,
    e.name,
    e.subject,
    e.agent,
    e.agent_id,
    e.instance,
    e.environment,
    e.sample,
    e.from_value,
    e.to_value,
    e.value,
    e.reason,
    lower(hex(e.trace_id)) as trace_id,
    lower(hex(e.span_id)) as span_id,
    e.dialect,
    e.told_by,
    e.detail,
    e.received_at
from named_governance_event as e
anti join better as b
    on b.copy_key = e.copy_key
    and b.near_second = e.told_ns // 1000000000
    and b.rank < teller_rank(e.told_by)
    and e.told_ns - b.latest_ns < 1000000000
    and b.earliest_ns - e.told_ns < 1000000000;
