-- Rows of sequence_match whose time is over. Bound: nothing; reads the temporary table due.
delete from sequence_match
where rowid in (select id from due);
