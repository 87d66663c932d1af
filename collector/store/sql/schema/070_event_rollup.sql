-- Runs and actions counted in steps of five minutes. Rows are partial: their sum counts, and
-- what derivation takes back is written as a negative count.
-- started_in and ended_in begin the steps in which the counted ones started and ended; one whose
-- duration was not measured ends when it starts. longest_us: no counted duration is longer.
create table if not exists event_rollup (
    signal varchar not null,
    started_in timestamptz not null,
    ended_in timestamptz not null,
    agent varchar not null,
    environment varchar,
    kind varchar,
    outcome varchar not null,
    events bigint not null,
    longest_us bigint not null
);
