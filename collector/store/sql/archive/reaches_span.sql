-- Whether spans that started at or after a moment are archived. Bound: $low (nanoseconds).
select count(*) > 0
from sealed_file
where table_name = 'span' and last_at >= make_timestamptz($low // 1000);
