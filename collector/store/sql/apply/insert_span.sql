-- Keep what came. Bound: incoming (Arrow: the columns of span).
insert into span by name
select *
from incoming;
