-- The runs that deriving the planned spans amounts to. Bound: nothing; reads the temporary table plan.
insert into run by name
select
    p.trace_id,
    p.span_id,
    format('agent-{:02d}', p.agent) as agent,
    'asst_' || p.agent * 7919 as agent_id,
    format('agent-{:02d}-1', p.agent) as instance,
    'langchain' as framework,
    case when p.agent % 5 = 0 then 'staging' else 'production' end as environment,
    false as sample,
    'conv-' || p.t // 5 as conversation_id,
    make_timestamp_ns(p.start_ns)::timestamptz as started_at,
    p.start_ns,
    p.duration_ns / 1e6 as duration_ms,
    case when p.status_code = 2 then 'error' else 'ok' end as outcome,
    case when p.status_code = 2 then 'TimeoutError' end as error_type,
    u.input_tokens,
    u.output_tokens
from plan as p
inner join (
    select t, sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens
    from plan
    where op = 'model'
    group by t
) as u using (t)
where p.op = 'agent'
order by p.t
