-- A job begins, or goes on where it was; the earlier ones are over. Bound: $job_id, $since_ns.
insert into reprice
select $job_id, $since_ns
where not exists (from reprice where job_id = $job_id);
