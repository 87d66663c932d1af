-- Transitions the collector has not confirmed yet, in order.
create table if not exists spool (
    id integer primary key autoincrement,
    event text not null
) strict;
