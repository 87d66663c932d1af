-- Rows of metric_point whose time is over. Bound: nothing; reads the temporary table due.
delete from metric_point
where rowid in (select id from due);
