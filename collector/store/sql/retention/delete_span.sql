-- Rows of span whose time is over. Bound: nothing; reads the temporary table due.
delete from span
where rowid in (select id from due);
