-- Runs of the touched traces whose own span has not been told, or never will be: where actions of a
-- named agent hang below a missing span and the trace tells no run. Its span is the missing one,
-- and it began when the first span below it did, or earlier.
-- Bound: nothing; reads the temporary tables lineage and descent.
create or replace temp table untold as
with
    told as (
        select distinct trace_id
        from descent
        where run_span_id is not null
    )
select
    d.trace_id,
    d.top as span_id,
    arg_min(d.agent, (l.start_ns, l.span_id)) filter (where d.agent is not null) as agent,
    arg_min(d.agent_id, (l.start_ns, l.span_id)) filter (where d.agent is not null) as agent_id,
    arg_min(d.conversation_id, (l.start_ns, l.span_id)) filter (where d.conversation_id is not null) as conversation_id,
    min(l.start_ns) as start_ns,
    min(l.started_at) as started_at,
    arg_min(l.instance, (l.start_ns, l.span_id)) as instance,
    arg_min(l.environment, (l.start_ns, l.span_id)) as environment,
    bool_or(l.sample) as sample,
    arg_min(l.framework, (l.start_ns, l.span_id)) as framework,
    bool_or(l.layer = 'model') as has_model
from descent as d
inner join lineage as l using (trace_id, span_id)
anti join told as t on t.trace_id = d.trace_id
where d.top <> ''::blob
group by d.trace_id, d.top
having bool_or(l.layer is not null) and bool_or(d.agent is not null);
