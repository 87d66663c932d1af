-- Rows of burn whose time is over. Bound: nothing; reads the temporary table due.
delete from burn
where rowid in (select id from due);
