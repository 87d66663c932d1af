-- One-time sign-in codes, by their SHA-256.
create table if not exists sign_in_code (
    code_hash text primary key,
    operator text not null references operator (name),
    expires_at text not null,
    used_at text
) strict;
