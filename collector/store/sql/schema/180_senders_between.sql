-- Every sender in a period (null: without a bound), by kind of record: how much came, how
-- late, with which gaps, what it cut off and what its SDK had to drop.
-- A sender is a source with the service and instance that its resource names. Lags, in
-- milliseconds, run from the newest record of a request to its arrival; below zero the
-- sender's clock is ahead. gaps and dropped are null where the sender counts neither.
create or replace macro senders_between(since, until) as table
with
    heard as (
        select *
        from sender_count
        where
            (cast(since as timestamptz) is null or last_at >= cast(since as timestamptz))
            and (cast(until as timestamptz) is null or first_at < cast(until as timestamptz))
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
        from heard
        group by source, signal, service_name, instance
    ),
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
        from heard
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
    numbered as (
        select distinct source, signal, service_name, instance
        from sequence_range
        where
            (cast(since as timestamptz) is null or last_at >= cast(since as timestamptz))
            and (cast(until as timestamptz) is null or first_at < cast(until as timestamptz))
    ),
    missed as (
        select source, signal, service_name, instance, sum(missing) as missing
        from sequence_gaps
        where
            (cast(since as timestamptz) is null or noticed_at >= cast(since as timestamptz))
            and (cast(until as timestamptz) is null or noticed_at < cast(until as timestamptz))
        group by source, signal, service_name, instance
    ),
    counters as (
        select *, cast(since as timestamptz) is not null
            and counted_at < cast(since as timestamptz) as is_before
        from drop_count
        where cast(until as timestamptz) is null or counted_at < cast(until as timestamptz)
    ),
    series_drops as (
        select
            source,
            signal,
            service_name,
            instance,
            bool_or(sample) as sample,
            min(coalesce(first_at, counted_at)) as first_seen,
            max(counted_at) as last_seen,
            case
                when is_delta then sum(value) filter (where not is_before)
                else max(value) - coalesce(max(value) filter (where is_before), 0)
            end as dropped
        from counters
        group by source, signal, service_name, instance, series, is_delta, start_ns
        having not bool_and(is_before)
    ),
    drops as (
        select
            source,
            signal,
            service_name,
            instance,
            bool_or(sample) as sample,
            min(first_seen) as first_seen,
            max(last_seen) as last_seen,
            sum(coalesce(dropped, 0)) as dropped
        from series_drops
        group by source, signal, service_name, instance
    ),
    known as (
        select source, signal, service_name, instance from counted
        union
        select source, signal, service_name, instance from drops
    )
select
    k.source,
    k.signal,
    k.service_name,
    k.instance,
    coalesce(c.sample, d.sample) as sample,
    cast(coalesce(c.requests, 0) as ubigint) as requests,
    cast(coalesce(c.stored, 0) as ubigint) as stored,
    case when n.source is not null then cast(coalesce(g.missing, 0) as ubigint) end as gaps,
    cast(coalesce(c.future, 0) as ubigint) as future,
    c.least_lag_us / 1000.0 as least_lag_ms,
    lag_ms_of(m.median_bucket) as median_lag_ms,
    lag_ms_of(m.p95_bucket) as p95_lag_ms,
    cast(coalesce(c.cut_off, 0) as ubigint) as cut_off,
    cast(d.dropped as ubigint) as dropped,
    coalesce(c.first_seen, d.first_seen) as first_seen,
    coalesce(c.last_seen, d.last_seen) as last_seen
from known as k
left join
    counted as c
    on (c.source, c.signal, c.service_name, c.instance)
    is not distinct from (k.source, k.signal, k.service_name, k.instance)
left join
    middles as m
    on (m.source, m.signal, m.service_name, m.instance)
    is not distinct from (k.source, k.signal, k.service_name, k.instance)
left join
    numbered as n
    on (n.source, n.signal, n.service_name, n.instance)
    is not distinct from (k.source, k.signal, k.service_name, k.instance)
left join
    missed as g
    on (g.source, g.signal, g.service_name, g.instance)
    is not distinct from (k.source, k.signal, k.service_name, k.instance)
left join
    drops as d
    on (d.source, d.signal, d.service_name, d.instance)
    is not distinct from (k.source, k.signal, k.service_name, k.instance);
