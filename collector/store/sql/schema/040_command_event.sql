-- The control journal as told to the collector: one row per transition.
create table if not exists command_event (
    sequence ubigint not null,
    told_at timestamptz not null,
    command_id varchar not null,
    hold_id varchar not null,
    kind varchar not null,
    phase varchar not null,
    agent varchar,
    instance varchar,
    actor varchar,
    origin varchar,
    reason varchar,
    expires_at timestamptz,
    sample boolean not null,
    detail json not null
);
