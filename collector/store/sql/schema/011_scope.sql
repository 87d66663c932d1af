-- Which instrumentation made it: one row per distinct OTLP scope.
create table if not exists scope (
    scope_hash uhugeint not null,
    name varchar not null,
    version varchar not null,
    attributes json not null,
    dropped_attributes_count uinteger not null,
    schema_url varchar not null
);
