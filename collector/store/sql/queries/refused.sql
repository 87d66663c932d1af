-- Records that were refused, newest first.
-- Bound: $since, $until (timestamptz), $limit.
select received_at, source, signal, reason, records, detail
from refused_record
where received_at >= $since and received_at < $until
order by received_at desc, source, signal, reason
limit $limit
