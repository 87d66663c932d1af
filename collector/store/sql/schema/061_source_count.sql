-- Per batch and source: how many records came and what became of them.
create table if not exists source_count (
    counted_at timestamptz not null,
    source varchar not null,
    signal varchar not null,
    received ubigint not null,
    stored ubigint not null,
    refused ubigint not null,
    duplicate ubigint not null
);
