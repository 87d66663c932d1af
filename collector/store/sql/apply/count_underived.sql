-- How many traces wait to be derived. Bound: nothing.
select count(*)
from underived_trace;
