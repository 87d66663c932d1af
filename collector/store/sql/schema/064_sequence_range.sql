-- Which numbers of a numbered stream have come, as ranges; what no range covers is missing.
-- A stream counts from 1; a sender that starts anew begins another stream.
create table if not exists sequence_range (
    first_at timestamptz not null,
    last_at timestamptz not null,
    source varchar not null,
    signal varchar not null,
    service_name varchar,
    instance varchar,
    sample boolean not null,
    stream varchar not null,
    low ubigint not null,
    high ubigint not null
);
