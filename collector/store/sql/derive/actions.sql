-- Actions of the touched traces: calls of a model, a tool or whatever leaves the agent.
-- denied: a decision about it blocked or held it. unknown: its kernel does not say.
-- Bound: nothing; reads the temporary tables called and judged.
create or replace temp table told_action as
with
    verdicts as (
        select
            trace_id,
            action_span_id,
            arg_min(decision_id, (effect not in ('blocked', 'held'), -decided_ns, decision_id)) as decision_id,
            bool_or(effect in ('blocked', 'held')) as denied
        from judged
        where action_span_id is not null
        group by trace_id, action_span_id
    ),
    runs as (
        select trace_id, span_id, framework
        from called
        where kind = 'agent'
    )
select
    c.trace_id,
    c.span_id,
    c.run_span_id,
    c.agent,
    c.agent_id,
    c.instance,
    coalesce(c.framework, r.framework) as framework,
    c.environment,
    c.sample,
    c.conversation_id,
    c.kind,
    c.name,
    c.model,
    c.started_at,
    c.start_ns,
    c.duration_ms,
    case
        when v.denied then 'denied'
        when c.status_code = 2 or c.error_type is not null then 'error'
        when c.dialect = 'agt_kernel' and v.decision_id is null then 'unknown'
        when c.duration_ms is null then 'unknown'
        else 'ok'
    end as outcome,
    c.error_type,
    c.input_tokens,
    c.output_tokens,
    c.cost_usd,
    c.cache_read_tokens,
    c.cache_write_tokens,
    c.reasoning_tokens,
    v.decision_id
from called as c
left join verdicts as v on v.trace_id = c.trace_id and v.action_span_id = c.span_id
left join runs as r on r.trace_id = c.trace_id and r.span_id = c.run_span_id
where c.kind <> 'agent';
