-- Keep what came. Bound: incoming (Arrow: the columns of sender_count).
insert into sender_count by name
select *
from incoming;
