-- What operators decided about names, as the file of decisions tells it. place: its line.
create table if not exists identity_act (
    place integer not null,
    verb varchar not null,
    alias varchar not null,
    agent varchar not null,
    actor varchar not null,
    reason varchar not null,
    decided_at timestamptz not null
);
