-- The manifest of the archive: one row per Parquet file that holds rows of a closed day.
-- A row of evidence is either in its table or in exactly one of these files. path is relative
-- to the archive folder; carries is governance for rows that belong to a decision, a score or
-- a command, else plain.
create table if not exists sealed_file (
    table_name varchar not null,
    day date not null,
    carries varchar not null,
    path varchar not null,
    rows ubigint not null,
    bytes ubigint not null,
    sha256 varchar not null,
    columns varchar[] not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    latest_received_at timestamptz not null,
    sealed_at timestamptz not null
);
