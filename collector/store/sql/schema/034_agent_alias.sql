-- Names of one agent: a DID or id seen together with a name.
create table if not exists agent_alias (
    alias varchar not null,
    agent varchar not null,
    learnt_from varchar not null,
    learnt_at timestamptz not null
);
