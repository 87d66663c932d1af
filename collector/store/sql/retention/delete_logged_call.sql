-- Rows of logged_call whose time is over. Bound: nothing; reads the temporary table due.
delete from logged_call
where rowid in (select id from due);
