-- Rows of action whose time is over. Bound: nothing; reads the temporary table due.
delete from action
where rowid in (select id from due);
