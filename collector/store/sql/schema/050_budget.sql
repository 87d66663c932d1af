-- The error budget of one objective for one agent each time it was judged.
create table if not exists budget (
    objective varchar not null,
    agent varchar not null,
    judged_at timestamptz not null,
    good bigint not null,
    bad bigint not null,
    total bigint not null,
    target double not null,
    budget_left double,
    state varchar not null,
    reason varchar not null
);
