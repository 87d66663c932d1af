-- Whether spans that started at or after a moment are archived. Bound: $since (timestamptz).
select count(*) > 0
from sealed_file
where table_name = 'span' and last_at >= $since;
