-- What was not kept as evidence, and why.
create table if not exists refused_record (
    sequence ubigint,
    received_at timestamptz not null,
    source varchar not null,
    signal varchar not null,
    reason varchar not null,
    records ubigint not null,
    detail varchar not null
);
