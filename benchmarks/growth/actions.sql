-- The actions that deriving the planned spans amounts to. Bound: nothing; reads the temporary table plan.
insert into action by name
select
    trace_id,
    span_id,
    root_id as run_span_id,
    format('agent-{:02d}', agent) as agent,
    'asst_' || agent * 7919 as agent_id,
    format('agent-{:02d}-1', agent) as instance,
    'langchain' as framework,
    case when agent % 5 = 0 then 'staging' else 'production' end as environment,
    false as sample,
    'conv-' || t // 5 as conversation_id,
    op as kind,
    case op when 'model' then model else tool end as name,
    case op when 'model' then model end as model,
    make_timestamp_ns(start_ns)::timestamptz as started_at,
    start_ns,
    duration_ns / 1e6 as duration_ms,
    case
        when i = 2 and dice % 20 = 0 then 'denied'
        when status_code = 2 then 'error'
        else 'ok'
    end as outcome,
    case when status_code = 2 then 'TimeoutError' end as error_type,
    case when op = 'model' then input_tokens end as input_tokens,
    case when op = 'model' then output_tokens end as output_tokens,
    case when i = 2 then 'd-' || t end as decision_id,
    case when i = 2 then 'enforce' end as decision_mode,
    i = 2 and dice % 20 = 0 as refused
from plan
where op in ('model', 'tool')
order by t, i
