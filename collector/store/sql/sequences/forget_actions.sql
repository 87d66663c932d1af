-- Takes back the noted actions that derivation took back. Bound: nothing; reads the temporary table
-- forgotten_action.
delete from sequence_action
where (trace_id, span_id) in (select (trace_id, span_id) from forgotten_action)
returning rule, key, step, trace_id, span_id, start_ns
