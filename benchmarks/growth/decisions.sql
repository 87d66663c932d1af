-- One decision a trace, on its first tool call. Bound: nothing; reads the temporary table plan.
insert into decision by name
select
    (t // 64 + 1)::ubigint as sequence,
    'd-' || t as decision_id,
    make_timestamp_ns(start_ns)::timestamptz as decided_at,
    start_ns as decided_ns,
    format('agent-{:02d}', agent) as agent,
    'asst_' || agent * 7919 as agent_id,
    format('agent-{:02d}-1', agent) as instance,
    case when agent % 5 = 0 then 'staging' else 'production' end as environment,
    false as sample,
    tool as action,
    case when dice % 20 = 0 then 'deny' when dice % 31 = 0 then 'warn' else 'allow' end as verdict,
    case when dice % 20 = 0 then 'blocked' else 'executed' end as effect,
    'before' as stage,
    'enforce' as mode,
    'policy' as source,
    'order-desk' as policy,
    ['limit-refunds', 'no-transfers', 'mail-domain', 'file-scope', 'default'][(dice // 7 % 5)::int + 1] as rule,
    trace_id,
    span_id,
    'watchkeeper' as dialect
from plan
where i = 2
order by t
