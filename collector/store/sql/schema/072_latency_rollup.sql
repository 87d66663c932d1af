-- Durations of runs and actions counted by hour of start. Rows are partial: their sum counts.
-- bucket: see latency_bucket; a duration that was not measured is in none.
create table if not exists latency_rollup (
    signal varchar not null,
    started_in timestamptz not null,
    agent varchar not null,
    bucket integer not null,
    events bigint not null
);
