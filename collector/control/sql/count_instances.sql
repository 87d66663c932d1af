-- How many instances are known.
-- Bound: nothing.
select count(*) as instances
from instance;
