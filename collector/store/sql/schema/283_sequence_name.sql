-- The names of agents by which actions were noted for sequence rules.
create table if not exists sequence_name (
    alias varchar not null,
    agent varchar not null
);
