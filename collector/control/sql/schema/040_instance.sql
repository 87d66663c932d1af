-- Running copies of agents. The first secret and the first agent name stay.
create table if not exists instance (
    instance_uid text primary key,
    secret_hash text not null,
    agent text,
    service text,
    service_instance text,
    framework text,
    hooks text not null,
    pid integer,
    sample integer not null,
    first_seen text not null,
    last_seen text not null,
    effective_mode text
) strict;
