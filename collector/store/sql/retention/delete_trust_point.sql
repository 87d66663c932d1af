-- Rows of trust_point whose time is over. Bound: nothing; reads the temporary table due.
delete from trust_point
where rowid in (select id from due);
