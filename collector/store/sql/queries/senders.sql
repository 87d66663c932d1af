-- Every sender in a period, the quietest last.
-- Bound: $since, $until (timestamptz or null), $limit.
select
    source,
    signal,
    service_name,
    instance,
    sample,
    requests,
    stored,
    gaps,
    future,
    least_lag_ms,
    median_lag_ms,
    p95_lag_ms,
    cut_off,
    dropped,
    first_seen,
    last_seen
from senders_between($since, $until)
order by last_seen desc, source, signal, service_name, instance
limit $limit
