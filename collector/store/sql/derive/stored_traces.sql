-- Which trace was told of when, of spans and decisions. Bound: $since (timestamptz).
select trace_id, epoch_us(started_at) as told_us
from every_span
where started_at >= $since
union all
select trace_id, epoch_us(decided_at) as told_us
from decision
where trace_id is not null and decided_at >= $since
