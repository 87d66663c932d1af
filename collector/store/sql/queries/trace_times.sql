-- When the spans of a trace that are not archived started, and the latest start of any archived
-- span; each or null. Bound: $trace_id (32 hex digits).
select
    min(started_at) as first_at,
    max(started_at) as last_at,
    (select max(last_at) from sealed_file where table_name = 'span') as archived_until
from span
where trace_id = unhex($trace_id)
