-- Every span with what it inherits: from each trace's tops downwards, parents before children.
-- run_span_id and action_span_id are the nearest run and action at or above the span; a span
-- is a duplicate when the layer above it is the same call told by another instrumentation.
-- top is the missing parent at the end of its line, the empty blob when nothing is missing.
-- Spans in a circle, or deeper than $depth, inherit nothing.
-- Bound: $depth (integer).
create or replace temp table descent as
with recursive
    tops as (
        select distinct
            l.trace_id,
            l.parent as span_id
        from lineage as l
        anti join lineage as p on p.trace_id = l.trace_id and p.span_id = l.parent
    ),
    walk as (
        select
            trace_id,
            span_id,
            span_id as top,
            0 as depth,
            null::varchar as agent,
            null::varchar as agent_id,
            null::varchar as conversation_id,
            null::blob as run_span_id,
            null::blob as action_span_id,
            null::varchar as layer,
            null::varchar as layer_agent,
            false as duplicate
        from tops
        union all
        select
            c.trace_id,
            c.span_id,
            w.top,
            w.depth + 1 as depth,
            coalesce(c.invoked, w.agent) as agent,
            case
                when c.invoked is not null and c.invoked is distinct from w.agent then c.agent_id
                else coalesce(c.agent_id, w.agent_id)
            end as agent_id,
            coalesce(c.conversation_id, w.conversation_id) as conversation_id,
            case
                when c.layer = 'agent' and not (w.layer is not distinct from 'agent' and coalesce(c.invoked, w.agent) is not distinct from w.layer_agent) then c.span_id
                else w.run_span_id
            end as run_span_id,
            case
                when c.layer is null then w.action_span_id
                when c.layer = 'agent' then null
                when c.layer is not distinct from w.layer then w.action_span_id
                else c.span_id
            end as action_span_id,
            coalesce(c.layer, w.layer) as layer,
            case
                when c.layer = 'agent' then coalesce(c.invoked, w.agent)
                when c.layer is null then w.layer_agent
            end as layer_agent,
            coalesce(
                c.layer = w.layer
                and (c.layer <> 'agent' or coalesce(c.invoked, w.agent) is not distinct from w.layer_agent),
                false
            ) as duplicate
        from walk as w
        inner join lineage as c on c.trace_id = w.trace_id and c.parent = w.span_id
        where w.depth < $depth
    )
select * exclude (layer, layer_agent)
from walk
where depth > 0
union all by name
select
    l.trace_id,
    l.span_id,
    ''::blob as top,
    0 as depth,
    l.invoked as agent,
    l.agent_id,
    l.conversation_id,
    case when l.layer = 'agent' then l.span_id end as run_span_id,
    case when l.layer <> 'agent' then l.span_id end as action_span_id,
    false as duplicate
from lineage as l
anti join (select trace_id, span_id from walk where depth > 0) as w using (trace_id, span_id);
