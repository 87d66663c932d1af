-- Control documents as signed, the latest few of each audience.
create table if not exists document (
    instance_uid text not null references instance (instance_uid),
    epoch integer not null,
    gen integer not null,
    jti text not null,
    body_hash text not null,
    holds text not null,
    body text not null,
    issued_at text not null,
    expires_at text not null,
    primary key (instance_uid, epoch, gen)
) strict;
