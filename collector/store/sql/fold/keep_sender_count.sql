-- What the folded counts add up to. Bound: nothing.
insert into sender_count by name
select
    min(first_at) as first_at,
    max(last_at) as last_at,
    source,
    signal,
    service_name,
    instance,
    sample,
    lag_bucket,
    min(least_lag_us) as least_lag_us,
    sum(requests) as requests,
    sum(records) as records,
    sum(future) as future,
    sum(dropped_attributes) as dropped_attributes,
    sum(dropped_events) as dropped_events,
    sum(dropped_links) as dropped_links
from folding
group by step, source, signal, service_name, instance, sample, lag_bucket;
