-- Up to where the rollups count; it falls behind `sequence` when a Watchkeeper that has no
-- rollups stores records into this database.
alter table position add column if not exists counted ubigint;
