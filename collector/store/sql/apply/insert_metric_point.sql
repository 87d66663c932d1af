-- Keep what came. Bound: incoming (Arrow: the columns of metric_point).
insert into metric_point by name
select *
from incoming;
