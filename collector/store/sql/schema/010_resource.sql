-- Who sent it: one row per distinct OTLP resource, found by the hash of its content.
create table if not exists resource (
    resource_hash uhugeint not null,
    attributes json not null,
    dropped_attributes_count uinteger not null,
    schema_url varchar not null,
    service_name varchar,
    instance varchar,
    environment varchar,
    sample boolean not null,
    first_received_at timestamptz not null,
    entity_refs json
);
