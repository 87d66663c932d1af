-- The latest start of any archived span, or null. Bound: nothing.
select max(last_at) as archived_until
from sealed_file
where table_name = 'span'
