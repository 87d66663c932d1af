-- These calls as they were. Bound: $since_ns, $last_ns; reads the temporary table repriced.
create or replace temp table forgotten_action as
select a.*
from action as a
semi join repriced as r on r.trace_id = a.trace_id and r.span_id = a.span_id
where a.kind in ('model', 'embedding') and a.start_ns between $since_ns and $last_ns;
