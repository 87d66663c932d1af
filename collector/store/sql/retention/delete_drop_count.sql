-- Rows of drop_count whose time is over. Bound: nothing; reads the temporary table due.
delete from drop_count
where rowid in (select id from due);
