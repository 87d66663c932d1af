-- When a command first reached a phase.
create table if not exists phase (
    command_id text not null references command (command_id),
    phase text not null,
    reached_at text not null,
    actor text,
    primary key (command_id, phase)
) strict;
