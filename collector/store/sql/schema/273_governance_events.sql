-- Public view: what happened to agents and is no verdict, each fact once. A telling gives way to
-- a better one of the same fact within a second.
create or replace view governance_events as
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
anti join governance_event as better
    on better.copy_key = e.copy_key
    and teller_rank(better.told_by) < teller_rank(e.told_by)
    and better.told_ns > e.told_ns - 1000000000
    and better.told_ns < e.told_ns + 1000000000;
