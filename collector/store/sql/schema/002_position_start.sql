-- A new database has applied nothing.
insert into position (sequence)
select 0
where not exists (select 1 from position);
