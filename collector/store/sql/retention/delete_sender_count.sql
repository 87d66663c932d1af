-- Rows of sender_count whose time is over. Bound: nothing; reads the temporary table due.
delete from sender_count
where rowid in (select id from due);
