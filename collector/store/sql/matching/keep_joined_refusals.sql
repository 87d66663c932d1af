-- Bound: nothing; reads the temporary table joined_refusal.
insert into loose_refusal by name
select *
from joined_refusal;
