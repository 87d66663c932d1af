-- These traces are derived. Bound: derived_trace (Arrow: trace_id).
delete from underived_trace
where trace_id in (select d.trace_id from derived_trace as d);
