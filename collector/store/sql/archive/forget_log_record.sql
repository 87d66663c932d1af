-- The rows just sealed leave their table. Bound: nothing; reads the temporary table sealing.
delete from log_record
where rowid in (select id from sealing);
