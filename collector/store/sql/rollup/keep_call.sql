-- Keep the counts that were added up. Bound: nothing; reads the temporary table summed.
insert into call_rollup by name
select *
from summed;
