-- The oldest transitions that are not confirmed, each with its number in the stream.
-- Bound: $limit.
select id, event, stream, id - after as number
from spool
cross join spool_stream
order by id
limit $limit;
