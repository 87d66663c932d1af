-- Calls that are matched by time to a decision outside of any trace.
-- ended_ns: when the call ended for this purpose, see match_end_ns.
create table if not exists loose_match (
    decision_id varchar not null,
    trace_id blob not null,
    span_id blob not null,
    name varchar not null,
    started_at timestamptz not null,
    ended_ns bigint not null
);
