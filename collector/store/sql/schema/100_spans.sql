-- Public view: every OTLP field of every span, archived ones included.
-- user_id and finish_reason are read from the attributes when somebody asks, first key first:
-- columns for them would cost every span.
create or replace view spans as
select
    lower(hex(s.trace_id)) as trace_id,
    lower(hex(s.span_id)) as span_id,
    lower(hex(s.parent_span_id)) as parent_span_id,
    s.trace_state,
    s.flags,
    s.name,
    s.kind,
    s.started_at,
    s.start_ns,
    s.end_ns,
    (s.end_ns - s.start_ns) / 1e6 as duration_ms,
    s.status_code,
    s.status_message,
    s.attributes,
    s.dropped_attributes_count,
    s.events,
    s.dropped_events_count,
    s.links,
    s.dropped_links_count,
    r.service_name,
    r.instance,
    r.environment,
    r.sample,
    r.attributes as resource_attributes,
    r.schema_url as resource_schema_url,
    c.name as scope_name,
    c.version as scope_version,
    c.attributes as scope_attributes,
    c.schema_url as scope_schema_url,
    s.op,
    s.dialect,
    s.agent_name,
    s.agent_id,
    s.conversation_id,
    s.tool_name,
    s.tool_call_id,
    s.model,
    s.provider,
    s.input_tokens,
    s.output_tokens,
    s.cost_usd,
    s.error_type,
    s.source,
    s.sequence,
    s.received_at,
    r.dropped_attributes_count as resource_dropped_attributes_count,
    r.entity_refs,
    c.dropped_attributes_count as scope_dropped_attributes_count,
    coalesce(s.agent_version, case when s.op is not null then r.attributes ->> '$."service.version"' end) as agent_version,
    -- OpenInference has no key for it: there the outermost chain is the workflow.
    coalesce(
        s.workflow,
        case
            when s.dialect = 'openinference' and s.parent_span_id is null and s.op in ('chain', 'agent') then s.name
        end
    ) as workflow,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.reasoning_tokens,
    -- Semantic Kernel calls a tool plugin-function.
    case
        when starts_with(c.name, 'semantic_kernel') and contains(s.tool_name, '-') then split_part(s.tool_name, '-', 1)
    end as tool_plugin,
    coalesce(
        s.attributes ->> '$."gen_ai.response.finish_reasons"[0]',
        s.attributes ->> '$."gen_ai.response.finish_reasons"',
        s.attributes ->> '$."llm.finish_reason"',
        s.attributes ->> '$."gen_ai.response.finish_reason"'
    ) as finish_reason,
    coalesce(
        s.attributes ->> '$."user.id"',
        s.attributes ->> '$."enduser.id"',
        s.attributes ->> '$."gen_ai.user"',
        s.attributes ->> '$."crewai.principal.id"'
    ) as user_id
from every_span as s
left join resource as r using (resource_hash)
left join scope as c using (scope_hash);
