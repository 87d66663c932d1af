-- Sessions of operators, by the SHA-256 of their token.
create table if not exists session (
    token_hash text primary key,
    operator text not null references operator (name),
    created_at text not null,
    used_at text not null,
    ended_at text
) strict;
