-- Runs of the touched traces: invocations of an agent, with what its model calls used.
-- Its cost is the sum of what is known; unpriced_calls says how many calls are not in it. A run
-- without any call of a model that told its own tokens or cost stands for those (tells_usage).
-- denied: it failed while something in its trace was blocked, or the control plane refused a call.
-- ended_by: span when its own span told the end; control when it did not and a kill reached its
-- agent while it ran, after which nothing went on; else null.
-- Bound: nothing; reads the temporary tables called, judged and told_action.
create or replace temp table told_run as
with
    used as (
        select
            trace_id,
            run_span_id,
            sum(input_tokens)::bigint as input_tokens,
            sum(output_tokens)::bigint as output_tokens
        from called
        where kind = 'model'
        group by trace_id, run_span_id
    ),
    -- What was refused was never asked.
    spent as (
        select
            trace_id,
            run_span_id,
            -- Decimal, because a sum of floats depends on their order.
            sum(cost_usd::decimal(25, 12))::double as cost_usd,
            count(*) filter (where cost_usd is null) as unpriced_calls,
            case
                when count(distinct cost_origin) = 1 then any_value(cost_origin)
                when count(distinct cost_origin) > 1 then 'mixed'
            end as cost_origin
        from told_action
        where kind in ('model', 'embedding') and outcome <> 'denied'
        group by trace_id, run_span_id
    ),
    refusals as (
        select
            r.trace_id,
            r.span_id,
            bool_or(j.source in ('control_plane', 'fail_closed')) as controlled
        from called as r
        inner join judged as j
            on j.trace_id = r.trace_id
            and j.effect in ('blocked', 'held')
            and (j.agent = r.agent or not j.concerns_one)
        where r.kind = 'agent'
        group by r.trace_id, r.span_id
    ),
    open as (
        select
            r.trace_id,
            r.span_id,
            r.agent,
            r.instance,
            r.started_at,
            max(a.started_at) as last_at
        from called as r
        left join told_action as a
            on a.trace_id = r.trace_id
            and a.run_span_id = r.span_id
            and a.outcome <> 'denied'
        where r.kind = 'agent' and not r.told_to_end
        group by all
    ),
    -- What began within a second may have passed the kill on its way.
    kill as (
        select o.trace_id, o.span_id, min(e.told_at) as ended_at
        from open as o
        inner join command_event as e
            on e.agent = o.agent
            and e.told_at >= o.started_at
            and e.told_at <= o.started_at + interval 6 hours
            and e.told_at + interval 1 second >= coalesce(o.last_at, o.started_at)
        where
            e.kind = 'kill'
            and e.phase in ('acked', 'enforced')
            and coalesce(e.detail ->> '$.status', '') not in ('rejected', 'failed')
            and coalesce(e.instance = o.instance, true)
        group by o.trace_id, o.span_id
    )
select
    c.trace_id,
    c.span_id,
    c.agent,
    c.agent_id,
    c.instance,
    c.framework,
    c.environment,
    c.sample,
    c.conversation_id,
    c.started_at,
    c.start_ns,
    coalesce(c.duration_ms, (epoch_us(k.ended_at) - c.start_ns // 1000) / 1e3) as duration_ms,
    case
        when f.controlled or k.span_id is not null then 'denied'
        when (c.status_code = 2 or c.error_type is not null) and f.span_id is not null then 'denied'
        when c.status_code = 2 or c.error_type is not null then 'error'
        when c.duration_ms is null then 'unknown'
        else 'ok'
    end as outcome,
    c.error_type,
    case when c.has_model then u.input_tokens else c.input_tokens end as input_tokens,
    case when c.has_model then u.output_tokens else c.output_tokens end as output_tokens,
    case when c.tells_usage then c.cost_usd else s.cost_usd end as cost_usd,
    case
        when not c.tells_usage then s.cost_origin
        when c.cost_usd is not null then 'told'
    end as cost_origin,
    case
        when c.tells_usage then (c.cost_usd is null)::bigint
        else coalesce(s.unpriced_calls, 0)
    end as unpriced_calls,
    c.tells_usage,
    c.scope_hash,
    case
        when c.told_to_end then 'span'
        when k.span_id is not null then 'control'
    end as ended_by
from called as c
left join used as u on u.trace_id = c.trace_id and u.run_span_id = c.span_id
left join spent as s on s.trace_id = c.trace_id and s.run_span_id = c.span_id
left join refusals as f on f.trace_id = c.trace_id and f.span_id = c.span_id
left join kill as k on k.trace_id = c.trace_id and k.span_id = c.span_id
where c.kind = 'agent';
