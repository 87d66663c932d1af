-- What was matched to actions that are deleted. Bound: $before (timestamptz).
delete from loose_match
where started_at < $before and (trace_id, span_id) not in (select (trace_id, span_id) from action where started_at < $before);
