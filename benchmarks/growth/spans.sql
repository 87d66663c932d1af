-- The spans of the plan, with about twelve attributes each, four or five of them of their own.
-- Bound: nothing; reads the temporary table plan.
insert into span by name
select
    (t // 64 + 1)::ubigint as sequence,
    make_timestamp_ns(start_ns + duration_ns + 2000000000)::timestamptz as received_at,
    format('agent-{:02d}', agent) as source,
    (1000 + agent)::uhugeint as resource_hash,
    7::uhugeint as scope_hash,
    trace_id,
    span_id,
    case when i > 0 then root_id end as parent_span_id,
    '' as trace_state,
    257 as flags,
    case op
        when 'agent' then format('invoke_agent agent-{:02d}', agent)
        when 'model' then 'chat ' || model
        when 'tool' then 'execute_tool ' || tool
        else 'GET /v1/customers/{id}'
    end as name,
    case when op is null or op = 'model' then 3 else 1 end as kind,
    make_timestamp_ns(start_ns)::timestamptz as started_at,
    start_ns,
    start_ns + duration_ns as end_ns,
    status_code,
    case when status_code = 2 then 'upstream timed out' else '' end as status_message,
    case op
        when 'agent' then format(
            '{{"gen_ai.operation.name":"invoke_agent","gen_ai.provider.name":"openai","gen_ai.agent.name":"agent-{:02d}","gen_ai.agent.id":"asst_{}","gen_ai.conversation.id":"conv-{}","user.id":"user-{}","session.id":"{}","gen_ai.request.model":"{}","app.tenant":"tenant-{}","app.channel":"{}","app.release":"2026.1.{}"}}',
            agent, agent * 7919, t // 5, dice % 5000, substr(md5('session' || t // 5), 1, 24), model, dice % 40, ['web', 'mail', 'phone'][(dice % 3)::int + 1], t // 200000
        )
        when 'model' then format(
            '{{"gen_ai.operation.name":"chat","gen_ai.provider.name":"openai","gen_ai.request.model":"{}","gen_ai.response.model":"{}-2026-01-01","gen_ai.response.id":"chatcmpl-{}","gen_ai.response.finish_reasons":["{}"],"gen_ai.request.temperature":{},"gen_ai.request.max_tokens":{},"gen_ai.usage.input_tokens":{},"gen_ai.usage.output_tokens":{},"server.address":"api.example.invalid","server.port":443}}',
            model, model, substr(md5('answer' || t || '-' || i), 1, 12), ['stop', 'tool_calls', 'length'][(dice % 3)::int + 1], (dice % 11) / 10, [256, 1024, 4096][(dice % 3)::int + 1], input_tokens, output_tokens
        )
        when 'tool' then format(
            '{{"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"{}","gen_ai.tool.type":"function","gen_ai.tool.call.id":"call_{}","gen_ai.tool.description":"Tool {} of the order desk","app.order":{},"app.customer":"user-{}","app.cached":{},"app.rows":{},"code.function.name":"tools.{}"}}',
            tool, substr(md5('call' || t || '-' || i), 1, 10), tool, dice % 1000000, dice % 5000, dice % 2 = 0, dice % 97, tool
        )
        else format(
            '{{"http.request.method":"GET","url.full":"https://crm.example.invalid/v1/customers/{}","http.response.status_code":{},"server.address":"crm.example.invalid","server.port":443,"network.protocol.version":"1.1","network.peer.address":"10.0.{}.{}","user_agent.original":"httpx/0.29","http.request.resend_count":{}}}',
            dice % 1000000, case when status_code = 2 then 504 else 200 end, dice % 4, dice % 256, dice % 2
        )
    end::json as attributes,
    0 as dropped_attributes_count,
    case
        when status_code = 2
        then json_array(json_object('name', 'exception', 'time_ns', start_ns + duration_ns, 'attributes', json_object('exception.type', 'TimeoutError')))
        else '[]'
    end as events,
    0 as dropped_events_count,
    '[]' as links,
    0 as dropped_links_count,
    op,
    case when op is not null then 'otel_genai' end as dialect,
    case when op = 'agent' then format('agent-{:02d}', agent) end as agent_name,
    case when op = 'agent' then 'asst_' || agent * 7919 end as agent_id,
    case when op = 'agent' then 'conv-' || t // 5 end as conversation_id,
    case when op = 'tool' then tool end as tool_name,
    case when op = 'tool' then 'call_' || substr(md5('call' || t || '-' || i), 1, 10) end as tool_call_id,
    case when op in ('agent', 'model') then model end as model,
    case when op in ('agent', 'model') then 'openai' end as provider,
    case when op = 'model' then input_tokens end as input_tokens,
    case when op = 'model' then output_tokens end as output_tokens,
    case when status_code = 2 then 'TimeoutError' end as error_type
from plan
order by t, i
