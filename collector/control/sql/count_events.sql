-- How many transitions wait for the collector.
-- Bound: nothing.
select count(*) as waiting
from spool;
