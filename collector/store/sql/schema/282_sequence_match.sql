-- Sequences that happened. actions: trace and span of each step's action, in order, as two lists.
create table if not exists sequence_match (
    rule varchar not null,
    key varchar not null,
    first_ns bigint not null,
    completed_at timestamptz not null,
    completed_ns bigint not null,
    trace_ids blob[] not null,
    span_ids blob[] not null,
    found_at timestamptz not null
);
