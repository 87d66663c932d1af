-- Keep what came. Bound: incoming (Arrow: the columns of refused_record).
insert into refused_record by name
select *
from incoming;
