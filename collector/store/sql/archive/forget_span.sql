-- The rows just sealed leave their table. Bound: nothing; reads the temporary table sealing.
delete from span
where rowid in (select id from sealing);
