-- Begun once.
insert or ignore into spool_stream (one, stream, after)
select 1, lower(hex(randomblob(16))), coalesce(max(seq), 0)
from sqlite_sequence
where name = 'spool';
