-- Runs and calls that log records tell as spans would: derivation reads them beside the spans.
-- The ids are made of what the record says of the call; nobody sent them.
create table if not exists logged_call (
    sequence ubigint not null,
    received_at timestamptz not null,
    resource_hash uhugeint not null,
    scope_hash uhugeint not null,
    trace_id blob not null,
    span_id blob not null,
    parent_span_id blob,
    name varchar not null,
    op varchar not null,
    dialect varchar not null,
    started_at timestamptz not null,
    start_ns bigint not null,
    end_ns bigint not null,
    status_code integer not null,
    agent_name varchar,
    conversation_id varchar,
    tool_name varchar,
    tool_call_id varchar,
    model varchar,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    cost_usd double,
    error_type varchar
);
