-- Rows of command_event whose time is over. Bound: nothing; reads the temporary table due.
delete from command_event
where rowid in (select id from due);
