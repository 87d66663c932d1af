-- Public view: every OTLP field of every metric data point.
create or replace view metric_points as
select
    m.name,
    m.description,
    m.unit,
    m.metadata,
    m.type,
    m.temporality,
    m.monotonic,
    m.attributes,
    m.measured_at,
    m.start_ns,
    m.time_ns,
    m.flags,
    m.value,
    m.value_int,
    m.count,
    m.sum,
    m.min,
    m.max,
    m.data,
    m.exemplars,
    r.service_name,
    r.instance,
    r.environment,
    r.sample,
    r.attributes as resource_attributes,
    r.schema_url as resource_schema_url,
    c.name as scope_name,
    c.version as scope_version,
    c.attributes as scope_attributes,
    c.schema_url as scope_schema_url,
    m.source,
    m.sequence,
    m.received_at
from metric_point as m
left join resource as r using (resource_hash)
left join scope as c using (scope_hash);
