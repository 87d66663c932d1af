-- Whether rows of metric_point of a moment or later are archived. Bound: $low (timestamptz).
select count(*) > 0
from sealed_file
where table_name = 'metric_point' and last_at >= $low;
