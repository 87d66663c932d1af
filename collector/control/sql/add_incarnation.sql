-- The first start of this journal.
-- Bound: nothing.
insert into incarnation (epoch)
select 0
where not exists (select 1 from incarnation);
