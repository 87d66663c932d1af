-- Whether rows of log_record of a moment or later are archived. Bound: $low (timestamptz).
select count(*) > 0
from sealed_file
where table_name = 'log_record' and last_at >= $low;
