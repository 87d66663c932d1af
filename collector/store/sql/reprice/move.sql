-- A part is done. Bound: $job_id, $next_ns.
update reprice
set next_ns = $next_ns
where job_id = $job_id;
