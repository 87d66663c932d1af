-- One agent invocation, derived from all spans of its trace that have arrived.
create table if not exists run (
    trace_id blob not null,
    span_id blob not null,
    agent varchar not null,
    agent_id varchar,
    instance varchar,
    framework varchar,
    environment varchar,
    sample boolean not null,
    conversation_id varchar,
    started_at timestamptz not null,
    start_ns bigint not null,
    duration_ms double,
    outcome varchar not null,
    error_type varchar,
    input_tokens bigint,
    output_tokens bigint,
    cost_usd double
);
