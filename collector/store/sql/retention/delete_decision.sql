-- Rows of decision whose time is over. Bound: nothing; reads the temporary table due.
delete from decision
where rowid in (select id from due);
