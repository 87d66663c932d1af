-- The oldest transitions that are not confirmed.
-- Bound: $limit.
select id, event
from spool
order by id
limit $limit;
