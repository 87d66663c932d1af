-- When the spans and logged calls of a trace that are not archived started, and the latest start of any archived
-- span; each or null. Bound: $trace_id (32 hex digits).
select
    min(started_at) as first_at,
    max(started_at) as last_at,
    (select max(last_at) from sealed_file where table_name = 'span') as archived_until
from (
    select started_at from span where trace_id = unhex($trace_id)
    union all
    select started_at from logged_call where trace_id = unhex($trace_id)
)
