-- What senders say they had to drop, by the counters of their SDKs. is_delta: the value
-- counts since the last one, else since start_ns. Without a reason nothing was lost.
create table if not exists drop_count (
    counted_at timestamptz not null,
    source varchar not null,
    service_name varchar,
    instance varchar,
    sample boolean not null,
    signal varchar not null,
    reason varchar,
    series varchar not null,
    is_delta boolean not null,
    start_ns bigint not null,
    value double not null
);
