-- Signed acts that set how long evidence is kept, as the file of acts tells them.
create table if not exists retention_act (
    act_id varchar not null,
    kind varchar not null,
    acted_by varchar not null,
    acted_at timestamptz not null,
    reason varchar not null,
    signal varchar,
    days uinteger,
    since timestamptz,
    until timestamptz,
    agent varchar,
    hold_id varchar,
    signature varchar not null
);
