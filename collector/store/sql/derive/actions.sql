-- Actions of the touched traces: calls of a model, a tool or whatever leaves the agent.
-- denied: a decision about it blocked or held it. unknown: its kernel does not say.
-- A cost that was not told is computed from the price that held when the call began.
-- Bound: nothing; reads the temporary tables called, judged and model_price.
create or replace temp table told_action as
with
    verdicts as (
        select
            trace_id,
            action_span_id,
            arg_min(decision_id, (effect not in ('blocked', 'held'), is_watched(mode), -decided_ns, decision_id)) filter (where may_govern(stage)) as decision_id,
            arg_min(matched_by, (effect not in ('blocked', 'held'), is_watched(mode), -decided_ns, decision_id)) filter (where may_govern(stage)) as matched_by,
            arg_min(mode, (effect not in ('blocked', 'held'), is_watched(mode), -decided_ns, decision_id)) filter (where may_govern(stage)) as decision_mode,
            bool_or(effect in ('blocked', 'held')) as denied,
            bool_or(is_refusal(verdict, effect, mode, dialect) and may_govern(stage)) as refused
        from judged
        where action_span_id is not null
        group by trace_id, action_span_id
    ),
    runs as (
        select trace_id, span_id, framework
        from called
        where kind = 'agent'
    ),
    computed as (
        select
            c.trace_id,
            c.span_id,
            call_cost_usd(
                c.input_tokens,
                c.output_tokens,
                c.cache_read_tokens,
                c.cache_write_tokens,
                p.rates,
                p.long_input_tokens,
                p.long_rates
            ) as cost_usd
        from called as c
        inner join model_price as p
            on p.model = c.model
            and p.provider is not distinct from c.provider
            and c.started_at >= p.begins
            and c.started_at < p.ends
        where c.kind in ('model', 'embedding') and c.cost_usd is null
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
    c.provider,
    c.mcp_server,
    c.scope_hash,
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
    coalesce(c.cost_usd, m.cost_usd) as cost_usd,
    case
        when c.cost_usd is not null then 'told'
        when m.cost_usd is not null then 'computed'
    end as cost_origin,
    c.cache_read_tokens,
    c.cache_write_tokens,
    c.reasoning_tokens,
    v.decision_id,
    v.matched_by,
    case
        when c.status_code = 2 or c.error_type is not null then 'error'
        when c.duration_ms is null then 'unknown'
        else 'ok'
    end as span_outcome,
    v.decision_mode,
    coalesce(v.refused, false) as refused
from called as c
left join verdicts as v on v.trace_id = c.trace_id and v.action_span_id = c.span_id
left join computed as m on m.trace_id = c.trace_id and m.span_id = c.span_id and m.cost_usd <= 1000000
left join runs as r on r.trace_id = c.trace_id and r.span_id = c.run_span_id
where c.kind <> 'agent';
