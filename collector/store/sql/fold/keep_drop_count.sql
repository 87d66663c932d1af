-- What the folded readings amount to: the highest of a running total, the sum of steps.
-- Bound: nothing.
insert into drop_count by name
select
    max(counted_at) as counted_at,
    min(coalesce(first_at, counted_at)) as first_at,
    source,
    service_name,
    instance,
    sample,
    signal,
    reason,
    series,
    is_delta,
    max(start_ns) as start_ns,
    case when is_delta then sum(value) else max(value) end as value
from folding
group by
    date_trunc('hour', counted_at),
    source,
    signal,
    service_name,
    instance,
    sample,
    reason,
    series,
    is_delta,
    case when is_delta then 0 else start_ns end;
