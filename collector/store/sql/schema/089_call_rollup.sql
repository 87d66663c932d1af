-- Calls of tools and models counted by hour of start, and how each was decided about. Rows are
-- partial: their sum counts, and what derivation takes back is written as a negative count.
-- matched_by is null where nobody decided; decision_mode as the decision told it.
create table if not exists call_rollup (
    started_in timestamptz not null,
    agent varchar not null,
    framework varchar,
    sample boolean not null,
    kind varchar not null,
    name varchar not null,
    matched_by varchar,
    decision_mode varchar,
    calls bigint not null
);
