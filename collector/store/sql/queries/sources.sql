-- Who sends, and what became of it.
-- Bound: nothing.
select source, signal, received, stored, refused, duplicate, gaps, last_seen
from sources
order by source, signal
