-- Rows of run whose time is over. Bound: nothing; reads the temporary table due.
delete from run
where rowid in (select id from due);
