-- Burn rate of one objective for one agent over one window each time it was judged.
create table if not exists burn (
    objective varchar not null,
    agent varchar not null,
    judged_at timestamptz not null,
    window_label varchar not null,
    window_s bigint not null,
    good bigint not null,
    bad bigint not null,
    burn double
);
