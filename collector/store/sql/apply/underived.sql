-- The traces to derive next: those that failed least, oldest first. Bound: $most.
select trace_id, behind, failures
from underived_trace
order by failures, behind, trace_id
limit $most;
