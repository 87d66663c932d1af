-- Public view: every sender since the collector began to count.
create or replace view senders as
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
from senders_between(null, null);
