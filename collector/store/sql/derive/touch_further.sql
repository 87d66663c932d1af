-- Touches the further traces as well. Bound: nothing; reads the temporary table further.
insert into touched by name
select trace_id
from further;
