-- What was deleted because its time was over: one row per table and day, or per file.
create table if not exists retention_run (
    deleted_at timestamptz not null,
    signal varchar not null,
    table_name varchar not null,
    first_at timestamptz,
    last_at timestamptz,
    rows ubigint not null,
    path varchar,
    sha256 varchar,
    kept_days uinteger not null
);
