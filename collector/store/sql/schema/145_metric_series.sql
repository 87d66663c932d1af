-- Public view: what every metric series amounts to (OTLP metrics data model, "Resets and gaps").
-- A series is a resource, a scope, a metric and a set of attributes in any order. Its points with one
-- start time form a stretch; where a counter falls all the same, another stretch begins.
-- last_value: of the latest point. total: of counters the sum of what each stretch came to, of deltas
-- the sum of all, of a cumulative sum that may fall its last value, of a gauge null.
-- total_count and total_sum: the same of histograms and summaries. A start time of 0 is not known;
-- starts_known then says that something may have been counted before the first point.
create or replace view metric_series as
with point as (
    select
        *,
        list_sort(list_zip(json_keys(attributes), attributes -> '$.*')) as labels,
        coalesce(value, count) as level,
        type <> 'gauge' and temporality is distinct from 'delta' and coalesce(monotonic, true) as counts_up
    from every_metric_point
    where flags & 1 = 0
),
compared as (
    select
        *,
        counts_up and level < lag(level) over (
            partition by resource_hash, scope_hash, name, unit, type, temporality, monotonic, labels, start_ns
            order by time_ns, sequence, level
        ) as fell
    from point
),
placed as (
    select
        *,
        count(*) filter (where fell) over (
            partition by resource_hash, scope_hash, name, unit, type, temporality, monotonic, labels, start_ns
            order by time_ns, sequence, level
            rows between unbounded preceding and current row
        ) as stretch
    from compared
),
stretch as (
    select
        resource_hash,
        scope_hash,
        name,
        unit,
        type,
        temporality,
        monotonic,
        labels,
        start_ns,
        stretch,
        counts_up,
        arg_max(attributes, (time_ns, sequence, level)) as attributes,
        max((time_ns, sequence, level)) as latest,
        min(time_ns) as first_time_ns,
        max(time_ns) as last_time_ns,
        count(*) as points,
        arg_max(value, (time_ns, sequence, level)) as last_value,
        arg_max(count, (time_ns, sequence, level)) as last_count,
        arg_max(sum, (time_ns, sequence, level)) as last_sum,
        sum(value) as added_value,
        sum(count) as added_count,
        sum(sum) as added_sum
    from placed
    group by
        resource_hash, scope_hash, name, unit, type, temporality, monotonic, labels, start_ns, stretch, counts_up
),
series as (
    select
        resource_hash,
        scope_hash,
        name,
        unit,
        type,
        temporality,
        monotonic,
        arg_max(attributes, latest) as attributes,
        arg_max(start_ns, latest) as start_ns,
        min(start_ns) <> 0 as starts_known,
        min(first_time_ns) as first_time_ns,
        max(last_time_ns) as last_time_ns,
        sum(points)::bigint as points,
        case when temporality is distinct from 'delta' and type <> 'gauge' then count(*) end as stretches,
        arg_max(last_value, latest) as last_value,
        arg_max(last_count, latest) as last_count,
        arg_max(last_sum, latest) as last_sum,
        case
            when type <> 'sum' then null
            when temporality = 'delta' then sum(added_value)
            when counts_up then sum(last_value)
            else arg_max(last_value, latest)
        end as total,
        case when temporality = 'delta' then sum(added_count) else sum(last_count) end as total_count,
        case when temporality = 'delta' then sum(added_sum) else sum(last_sum) end as total_sum
    from stretch
    group by resource_hash, scope_hash, name, unit, type, temporality, monotonic, labels, counts_up
)
select
    r.service_name,
    r.instance,
    r.environment,
    c.name as scope_name,
    s.name,
    s.unit,
    s.type,
    s.temporality,
    s.monotonic,
    s.attributes,
    s.start_ns,
    s.starts_known,
    s.first_time_ns,
    s.last_time_ns,
    s.points,
    s.stretches,
    s.last_value,
    s.last_count,
    s.last_sum,
    s.total,
    s.total_count,
    s.total_sum,
    r.sample
from series as s
left join resource as r using (resource_hash)
left join scope as c using (scope_hash);
