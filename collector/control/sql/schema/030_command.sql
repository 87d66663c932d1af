-- An operator's act with the hold it created; both share their end.
create table if not exists command (
    command_id text primary key,
    hold_id text not null unique,
    kind text not null,
    agent_name text not null,
    instance text,
    reason text not null,
    profile text,
    actor text not null,
    origin text not null,
    issued_at text not null,
    expires_at text not null,
    state text not null,
    idempotency_key text not null unique,
    signature text not null,
    sample integer not null,
    released_by text,
    release_reason text,
    release_key text unique
) strict;
