-- Steps of budgets in money that were taken: each once, however often the collector decides it.
-- series is what makes it the same step; a rolling budget takes it again after rearmed_at.
-- state: warned, proposed, pushed, accepted, declined.
create table if not exists budget_step (
    step_id text primary key,
    series text not null,
    number integer not null,
    rolling integer not null,
    budget text not null,
    agent text,
    act text not null,
    hold text,
    at_share real not null,
    amount_usd real not null,
    usd real not null,
    unpriced_calls integer not null,
    since text not null,
    lasts_s integer not null,
    models text not null,
    sample integer not null,
    taken_at text not null,
    state text not null,
    note text,
    command_id text references command (command_id),
    decided_by text,
    decided_at text,
    decision_reason text,
    decision_key text unique,
    rearmed_at text,
    unique (series, number)
) strict;
