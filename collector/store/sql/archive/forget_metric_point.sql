-- The rows just sealed leave their table. Bound: nothing; reads the temporary table sealing.
delete from metric_point
where rowid in (select id from sealing);
