-- What decisions outside of any trace (audit logs) were about: calls of no other name wait for one.
create table if not exists loose_name (
    name varchar not null
);
