-- Refusals outside of any trace that no call was matched to, each with the run in which it was told.
create table if not exists loose_refusal (
    decision_id varchar not null,
    trace_id blob not null,
    span_id blob not null,
    name varchar not null,
    decided_at timestamptz not null,
    decided_ns bigint not null
);
