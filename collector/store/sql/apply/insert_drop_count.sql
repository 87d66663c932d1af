-- Keep what came. Bound: incoming (Arrow: the columns of drop_count).
insert into drop_count by name
select *
from incoming;
