-- Numbers that never came, the newest noticed first.
-- Bound: $since, $until (timestamptz), $limit.
select
    source,
    signal,
    service_name,
    instance,
    sample,
    stream,
    first_missing,
    last_missing,
    missing,
    noticed_at
from sequence_gaps
where noticed_at >= $since and noticed_at < $until
order by noticed_at desc, source, signal, service_name, instance, stream, first_missing
limit $limit
