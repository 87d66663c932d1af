-- Touches the traces of killed runs as well. Bound: nothing; reads the temporary table killed.
insert into touched by name
select trace_id
from killed;
