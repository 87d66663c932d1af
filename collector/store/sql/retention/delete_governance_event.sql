-- Rows of governance_event whose time is over. Bound: nothing; reads the temporary table due.
delete from governance_event
where rowid in (select id from due);
