-- Who was seen in which hour, as what. Rows are partial: their sum counts, and only rows that
-- count something have a first and a last time.
create table if not exists agent_rollup (
    seen_in timestamptz not null,
    agent varchar not null,
    agent_id varchar,
    framework varchar,
    environment varchar,
    instance varchar,
    sample boolean not null,
    events bigint not null,
    first_seen timestamptz,
    last_seen timestamptz
);
