-- The name under which the spool numbers its events, and after which of its ids it began:
-- a journal that is older than its numbers must not look as if events were lost.
create table if not exists spool_stream (
    one integer primary key check (one = 1),
    stream text not null,
    after integer not null
) strict;
