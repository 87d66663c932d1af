-- Public view: every OTLP field of every log record, archived ones included.
create or replace view logs as
select
    l.logged_at,
    l.time_ns,
    l.observed_ns,
    l.severity_number,
    l.severity_text,
    l.event_name,
    l.body,
    l.attributes,
    l.dropped_attributes_count,
    l.flags,
    lower(hex(l.trace_id)) as trace_id,
    lower(hex(l.span_id)) as span_id,
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
    l.source,
    l.sequence,
    l.received_at,
    r.dropped_attributes_count as resource_dropped_attributes_count,
    r.entity_refs,
    c.dropped_attributes_count as scope_dropped_attributes_count
from every_log_record as l
left join resource as r using (resource_hash)
left join scope as c using (scope_hash);
