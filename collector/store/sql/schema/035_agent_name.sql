-- The names that stand for an agent of another name: what the view identities applies, kept because
-- every question reads it.
create table if not exists agent_name (
    alias varchar not null,
    agent varchar not null,
    learnt_at timestamptz
);
