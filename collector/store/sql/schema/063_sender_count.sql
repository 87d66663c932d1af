-- Per batch, sender and lag: how many requests came, what they held, and how late it was.
-- A sender is a source with the service and instance that its resource names. lag_bucket:
-- from the newest record of a request to its arrival, in steps of a quarter; null without
-- times. future: records from later than they came. dropped_*: what the sender cut off.
create table if not exists sender_count (
    first_at timestamptz not null,
    last_at timestamptz not null,
    source varchar not null,
    signal varchar not null,
    service_name varchar,
    instance varchar,
    sample boolean not null,
    lag_bucket smallint,
    least_lag_us bigint,
    requests ubigint not null,
    records ubigint not null,
    future ubigint not null,
    dropped_attributes ubigint not null,
    dropped_events ubigint not null,
    dropped_links ubigint not null
);
