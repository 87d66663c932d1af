-- Bound: nothing; reads the temporary table joined.
insert into loose_match by name
select *
from joined;
