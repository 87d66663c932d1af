-- Every log record as received. fingerprint is a hash of the record with its
-- resource, scope and its count among equals in one request: a retry repeats it.
create table if not exists log_record (
    sequence ubigint not null,
    received_at timestamptz not null,
    source varchar not null,
    resource_hash uhugeint not null,
    scope_hash uhugeint not null,
    fingerprint uhugeint not null,
    logged_at timestamptz not null,
    time_ns bigint not null,
    observed_ns bigint not null,
    severity_number integer not null,
    severity_text varchar not null,
    event_name varchar not null,
    body json using compression zstd,
    attributes json not null using compression zstd,
    dropped_attributes_count uinteger not null,
    flags uinteger not null,
    trace_id blob,
    span_id blob
);
