-- How many people may sign in.
-- Bound: nothing.
select count(*) as operators
from operator;
