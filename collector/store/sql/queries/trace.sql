-- Every span of one trace, and what log records tell as spans would, with the agent it belongs to
-- and what became of it.
-- Bound: $trace_id (32 hex digits), $spans_since, $spans_until (timestamptz): spans that
-- started outside are not looked for.
with
    told as (
        select *
        from every_span
        union all by name
        select
            *,
            1::integer as kind,
            '' as status_message,
            '{}'::json as attributes,
            '[]'::json as events
        from logged_call
    ),
    known as (
        select span_id, agent, outcome, input_tokens, output_tokens
        from named_run
        where
            trace_id = unhex($trace_id)
            and started_at >= $spans_since
            and started_at <= $spans_until
        union all
        select span_id, agent, outcome, input_tokens, output_tokens
        from named_action
        where
            trace_id = unhex($trace_id)
            and started_at >= $spans_since
            and started_at <= $spans_until
    ),
    meaning as (
        select
            span_id,
            any_value(agent) as agent,
            any_value(outcome) as outcome,
            any_value(input_tokens) as input_tokens,
            any_value(output_tokens) as output_tokens
        from known
        group by span_id
    )
select
    lower(hex(s.span_id)) as span_id,
    lower(hex(s.parent_span_id)) as parent_span_id,
    s.name,
    case s.kind
        when 1 then 'internal'
        when 2 then 'server'
        when 3 then 'client'
        when 4 then 'producer'
        when 5 then 'consumer'
        else 'unspecified'
    end as kind,
    s.op,
    coalesce(m.agent, s.agent_name) as agent,
    r.service_name,
    c.name as scope_name,
    s.started_at,
    s.start_ns,
    case when s.end_ns >= s.start_ns then (s.end_ns - s.start_ns) / 1e6 end as duration_ms,
    coalesce(
        m.outcome, case s.status_code when 2 then 'error' when 1 then 'ok' else 'unknown' end
    ) as outcome,
    s.status_message,
    s.tool_name,
    s.model,
    coalesce(s.input_tokens, m.input_tokens) as input_tokens,
    coalesce(s.output_tokens, m.output_tokens) as output_tokens,
    s.attributes,
    s.events,
    coalesce(r.sample, false) as sample
from told as s
left join meaning as m using (span_id)
left join resource as r using (resource_hash)
left join scope as c using (scope_hash)
where
    s.trace_id = unhex($trace_id)
    and s.started_at >= $spans_since
    and s.started_at <= $spans_until
order by s.start_ns, s.sequence, span_id
