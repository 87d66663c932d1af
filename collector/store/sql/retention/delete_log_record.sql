-- Rows of log_record whose time is over. Bound: nothing; reads the temporary table due.
delete from log_record
where rowid in (select id from due);
