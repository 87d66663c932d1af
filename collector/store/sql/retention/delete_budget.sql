-- Rows of budget whose time is over. Bound: nothing; reads the temporary table due.
delete from budget
where rowid in (select id from due);
