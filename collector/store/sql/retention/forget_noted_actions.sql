-- What is noted for sequence rules of actions that are deleted. Bound: $before (timestamptz).
delete from sequence_action
where started_at < $before and (trace_id, span_id) not in (select (trace_id, span_id) from action where started_at < $before);
