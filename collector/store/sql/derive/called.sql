-- Runs and actions of the touched traces with the agent they belong to: the span's own or its
-- ancestors' agent, else the first agent named in the trace, else the service.
-- told_to_end: whether a run's own span told when it ended.
-- Bound: nothing; reads the temporary tables lineage, descent and untold.
create or replace temp table called as
with
    known as (
        select
            d.trace_id,
            arg_min(d.agent, (l.start_ns, l.span_id)) filter (where d.agent is not null) as agent,
            arg_min(d.agent_id, (l.start_ns, l.span_id)) filter (where d.agent is not null) as agent_id,
            arg_min(d.conversation_id, (l.start_ns, l.span_id)) filter (where d.conversation_id is not null) as conversation_id,
            count(*) filter (where d.run_span_id = d.span_id) as runs,
            arg_min(d.span_id, (l.start_ns, l.span_id)) filter (where d.run_span_id = d.span_id) as run_span_id,
            bool_or(l.layer = 'model') as has_model
        from descent as d
        inner join lineage as l using (trace_id, span_id)
        group by d.trace_id
    ),
    -- A repeated layer may be the only one that counted tokens.
    repeated as (
        select
            d.trace_id,
            d.action_span_id as span_id,
            sum(l.input_tokens)::bigint as input_tokens,
            sum(l.output_tokens)::bigint as output_tokens,
            sum(l.cache_read_tokens)::bigint as cache_read_tokens,
            sum(l.cache_write_tokens)::bigint as cache_write_tokens,
            sum(l.reasoning_tokens)::bigint as reasoning_tokens,
            sum(case when l.cost_usd between 0 and 1000000 then l.cost_usd::decimal(25, 12) end)::double as cost_usd,
            min(l.mcp_server) as mcp_server
        from descent as d
        inner join lineage as l using (trace_id, span_id)
        where d.duplicate and l.layer <> 'agent' and d.action_span_id is not null
        group by d.trace_id, d.action_span_id
    )
select
    l.trace_id,
    l.span_id,
    l.layer as kind,
    case
        when l.layer = 'agent' then l.span_id
        when d.run_span_id is not null then d.run_span_id
        when k.runs = 1 then k.run_span_id
        else u.span_id
    end as run_span_id,
    coalesce(d.agent, k.agent, l.service_name, 'unknown') as agent,
    case when d.agent is not null then d.agent_id else k.agent_id end as agent_id,
    coalesce(d.conversation_id, k.conversation_id) as conversation_id,
    case
        when l.layer = 'tool' then coalesce(l.tool_name, l.name)
        when l.layer in ('model', 'embedding') then coalesce(l.model, l.name)
        else l.name
    end as name,
    case when l.layer in ('model', 'embedding') then l.model end as model,
    case when l.layer in ('model', 'embedding') then l.provider end as provider,
    l.tool_call_id,
    coalesce(l.mcp_server, p.mcp_server) as mcp_server,
    l.scope_hash,
    l.start_ns,
    l.end_ns,
    l.started_at,
    case when l.end_ns >= l.start_ns and not l.orphaned then (l.end_ns - l.start_ns) / 1e6 end as duration_ms,
    case when not l.orphaned then l.status_code end as status_code,
    case when not l.orphaned then l.error_type end as error_type,
    coalesce(l.end_ns >= l.start_ns, false) and not l.orphaned as told_to_end,
    l.dialect,
    coalesce(l.input_tokens, p.input_tokens) as input_tokens,
    coalesce(l.output_tokens, p.output_tokens) as output_tokens,
    coalesce(l.cache_read_tokens, p.cache_read_tokens) as cache_read_tokens,
    coalesce(l.cache_write_tokens, p.cache_write_tokens) as cache_write_tokens,
    coalesce(l.reasoning_tokens, p.reasoning_tokens) as reasoning_tokens,
    -- A cost that makes no sense was not told.
    coalesce(case when l.cost_usd between 0 and 1000000 then l.cost_usd end, p.cost_usd) as cost_usd,
    l.instance,
    l.environment,
    l.sample,
    l.framework,
    k.has_model,
    l.layer = 'agent' and not k.has_model and coalesce(l.input_tokens, l.output_tokens, l.cost_usd) is not null as tells_usage
from lineage as l
inner join descent as d using (trace_id, span_id)
inner join known as k on k.trace_id = l.trace_id
left join repeated as p on p.trace_id = l.trace_id and p.span_id = l.span_id
left join untold as u on u.trace_id = l.trace_id and u.span_id = d.top
where l.layer is not null and not d.duplicate
union all by name
select
    *,
    'agent' as kind,
    span_id as run_span_id,
    agent as name,
    false as told_to_end
from untold;
