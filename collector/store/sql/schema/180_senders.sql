-- Public view: every sender, by kind of record: how much came, how late, what it cut off.
-- A sender is a source with the service and instance that its resource names. Lags, in
-- milliseconds, run from the newest record of a request to its arrival; below zero the
-- sender's clock is ahead. gaps: numbers that never came, null where it numbers nothing.
create or replace view senders as
with
    lags as (
        select
            source,
            signal,
            service_name,
            instance,
            lag_bucket,
            sum(sum(requests)) over (
                partition by source, signal, service_name, instance order by lag_bucket
            ) as up_to,
            sum(sum(requests)) over (partition by source, signal, service_name, instance) as total
        from sender_count
        where lag_bucket is not null
        group by source, signal, service_name, instance, lag_bucket
    ),
    middles as (
        select
            source,
            signal,
            service_name,
            instance,
            min(lag_bucket) filter (where up_to >= 0.5 * total) as median_bucket,
            min(lag_bucket) filter (where up_to >= 0.95 * total) as p95_bucket
        from lags
        group by source, signal, service_name, instance
    ),
    counted as (
        select
            source,
            signal,
            service_name,
            instance,
            bool_or(sample) as sample,
            sum(requests) as requests,
            sum(records) as stored,
            sum(future) as future,
            sum(dropped_attributes + dropped_events + dropped_links) as cut_off,
            min(least_lag_us) as least_lag_us,
            min(first_at) as first_seen,
            max(last_at) as last_seen
        from sender_count
        group by source, signal, service_name, instance
    ),
    numbered as (select distinct source, signal, service_name, instance from sequence_range),
    missed as (
        select source, signal, service_name, instance, sum(missing) as missing
        from sequence_gaps
        group by source, signal, service_name, instance
    )
select
    c.source,
    c.signal,
    c.service_name,
    c.instance,
    c.sample,
    cast(c.requests as ubigint) as requests,
    cast(c.stored as ubigint) as stored,
    case when n.source is not null then cast(coalesce(g.missing, 0) as ubigint) end as gaps,
    cast(c.future as ubigint) as future,
    c.least_lag_us / 1000.0 as least_lag_ms,
    lag_ms_of(m.median_bucket) as median_lag_ms,
    lag_ms_of(m.p95_bucket) as p95_lag_ms,
    cast(c.cut_off as ubigint) as cut_off,
    c.first_seen,
    c.last_seen
from counted as c
left join
    middles as m
    on c.source = m.source
    and c.signal = m.signal
    and c.service_name is not distinct from m.service_name
    and c.instance is not distinct from m.instance
left join
    numbered as n
    on c.source = n.source
    and c.signal = n.signal
    and c.service_name is not distinct from n.service_name
    and c.instance is not distinct from n.instance
left join
    missed as g
    on c.source = g.source
    and c.signal = g.signal
    and c.service_name is not distinct from g.service_name
    and c.instance is not distinct from g.instance;
