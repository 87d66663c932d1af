-- All spans of the touched traces that have arrived, one row each, with who sent them.
-- A span without a parent has the empty blob as parent; invoked is the agent a span names.
-- Reads the temporary view evidence.
-- Bound: $since, $until (timestamptz): no span of a touched trace starts outside.
create or replace temp table lineage as
with
    traces as (
        select distinct trace_id
        from touched
    ),
    -- Best knowledge: what an instrumentation is called tells which framework it serves.
    origin as materialized (
        select
            scope_hash,
            case
                when contains(name, 'langchain') or contains(name, 'langgraph') then 'langchain'
                when contains(name, 'openai_agents') or contains(name, 'openai-agents') then 'openai-agents'
                when contains(name, 'crewai') then 'crewai'
                when starts_with(name, 'gcp.vertex.agent') or contains(name, 'google_adk') then 'google-adk'
                when contains(name, 'semantic_kernel') then 'semantic-kernel'
                when starts_with(name, 'agent_framework') then 'agent-framework'
                when contains(name, 'autogen') then 'autogen'
                when starts_with(name, 'com.anthropic.claude_code') then 'claude-code'
                when contains(name, 'llama_index') or contains(name, 'llamaindex') then 'llama-index'
                when starts_with(name, 'agent_sre') or starts_with(name, 'agentmesh') then 'agt'
                when starts_with(name, 'agent_os') or name = 'agent-governance-toolkit' then 'agt'
            end as framework
        from scope
    ),
    sender as materialized (
        select
            resource_hash,
            service_name,
            instance,
            environment,
            sample,
            attributes ->> '$."watchkeeper.framework"' as framework
        from resource
    )
select
    s.trace_id,
    s.span_id,
    coalesce(s.parent_span_id, ''::blob) as parent,
    s.name,
    s.start_ns,
    s.end_ns,
    s.started_at,
    s.status_code,
    s.op,
    s.dialect,
    case
        when s.op = 'agent' and s.dialect = 'openinference' then coalesce(s.agent_name, s.name)
        else s.agent_name
    end as invoked,
    s.agent_name,
    s.agent_id,
    s.conversation_id,
    case
        when s.op = 'mcp' and s.tool_name is not null then 'tool'
        when s.op in ('agent', 'model', 'tool', 'retrieval', 'embedding', 'delegation', 'memory') then s.op
    end as layer,
    s.tool_name,
    s.tool_call_id,
    s.model,
    s.provider,
    s.scope_hash,
    null::varchar as mcp_server,
    told_tokens(s.input_tokens) as input_tokens,
    told_tokens(s.output_tokens) as output_tokens,
    told_tokens(s.cache_read_tokens) as cache_read_tokens,
    told_tokens(s.cache_write_tokens) as cache_write_tokens,
    told_tokens(s.reasoning_tokens) as reasoning_tokens,
    s.cost_usd,
    s.error_type,
    -- What an exporter says of a span it found open at the end: that end is its own, not the run's.
    coalesce(starts_with(lower(s.status_message), 'span orphaned'), false) as orphaned,
    r.service_name,
    r.instance,
    r.environment,
    coalesce(r.sample, false) as sample,
    coalesce(
        r.framework,
        o.framework,
        case when starts_with(s.dialect, 'agt') then 'agt' end
    ) as framework
from evidence as s
left join sender as r on r.resource_hash = s.resource_hash
left join origin as o on o.scope_hash = s.scope_hash
where
    s.started_at between $since and $until
    and s.trace_id in (select trace_id from traces)
-- A hostile sender may use one span id twice: the earlier span keeps it.
qualify row_number() over (partition by s.trace_id, s.span_id order by s.start_ns, s.end_ns) = 1;
