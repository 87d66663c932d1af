-- Rows of sequence_range whose time is over. Bound: nothing; reads the temporary table due.
delete from sequence_range
where rowid in (select id from due);
