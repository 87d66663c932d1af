-- Rows of refused_record whose time is over. Bound: nothing; reads the temporary table due.
delete from refused_record
where rowid in (select id from due);
