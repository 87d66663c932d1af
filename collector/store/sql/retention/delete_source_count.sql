-- Rows of source_count whose time is over. Bound: nothing; reads the temporary table due.
delete from source_count
where rowid in (select id from due);
