-- A database without a number was written before there was one.
insert into schema_version (version)
select 1
where not exists (select 1 from schema_version);
