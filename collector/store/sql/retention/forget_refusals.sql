-- Refusals of runs that are deleted. Bound: $before (timestamptz).
delete from loose_refusal
where decided_at < $before and (trace_id, span_id) not in (select (trace_id, span_id) from run);
