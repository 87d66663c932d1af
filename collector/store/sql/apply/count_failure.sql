-- This trace, derived alone, failed once more. Bound: $trace.
update underived_trace
set failures = failures + 1
where trace_id = $trace;
