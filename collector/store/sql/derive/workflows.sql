-- An agent invocation that names nobody but contains one that does is a workflow.
-- Bound: nothing; changes the temporary table lineage.
with recursive
    unnamed as (
        select trace_id
        from lineage
        where op = 'agent' and agent_name is null
    ),
    above as (
        select trace_id, parent as span_id
        from lineage
        where op = 'agent' and agent_name is not null and trace_id in (select trace_id from unnamed)
        union
        select l.trace_id, l.parent as span_id
        from above as a
        inner join lineage as l on l.trace_id = a.trace_id and l.span_id = a.span_id
    )
update lineage
set
    op = 'workflow',
    layer = null,
    invoked = null
where
    op = 'agent'
    and agent_name is null
    and (trace_id, span_id) in (select (trace_id, span_id) from above);
