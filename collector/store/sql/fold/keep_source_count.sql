-- What the folded counts add up to. Bound: nothing.
insert into source_count by name
select
    max(counted_at) as counted_at,
    source,
    signal,
    sum(received) as received,
    sum(stored) as stored,
    sum(refused) as refused,
    sum(duplicate) as duplicate
from folding
group by date_trunc('minute', counted_at), source, signal;
