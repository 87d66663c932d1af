-- Actions that fit a step of a sequence rule. key: the conversation, agent, trace or instance that
-- the rule asks for; step 0 clears a sequence.
create table if not exists sequence_action (
    rule varchar not null,
    key varchar not null,
    step integer not null,
    trace_id blob not null,
    span_id blob not null,
    started_at timestamptz not null,
    start_ns bigint not null
);
