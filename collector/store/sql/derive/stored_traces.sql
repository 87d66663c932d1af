-- Which trace was told of when, of spans, logged calls and decisions. Bound: $since (timestamptz).
select trace_id, epoch_us(started_at) as told_us
from every_span
where started_at >= $since
union all
select trace_id, epoch_us(started_at) as told_us
from logged_call
where started_at >= $since
union all
select trace_id, epoch_us(decided_at) as told_us
from decision
where trace_id is not null and decided_at >= $since
