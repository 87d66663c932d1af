-- How far a job is. Bound: $job_id.
select next_ns
from reprice
where job_id = $job_id;
