-- Keep what came. Bound: incoming (Arrow: the columns of source_count).
insert into source_count by name
select *
from incoming;
