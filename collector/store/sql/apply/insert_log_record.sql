-- Keep what came. Bound: incoming (Arrow: the columns of log_record).
insert into log_record by name
select *
from incoming;
