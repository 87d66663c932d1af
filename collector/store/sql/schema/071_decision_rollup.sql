-- Decisions counted in steps of five minutes. Rows are partial: their sum counts.
-- reason: the rule, else the reason's code, else the policy.
create table if not exists decision_rollup (
    decided_in timestamptz not null,
    agent varchar not null,
    environment varchar,
    source varchar,
    policy varchar,
    reason varchar,
    verdict varchar not null,
    decisions bigint not null
);
