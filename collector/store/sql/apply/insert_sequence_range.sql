-- Keep what came. Bound: incoming (Arrow: the columns of sequence_range).
insert into sequence_range by name
select *
from incoming;
