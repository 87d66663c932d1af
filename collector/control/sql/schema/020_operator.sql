-- People who may sign in. Without a password hash only a sign-in link works.
create table if not exists operator (
    name text primary key,
    role text not null,
    password_hash text,
    created_at text not null
) strict;
