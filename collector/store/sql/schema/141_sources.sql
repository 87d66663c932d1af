-- Public view: who sends, and what became of it.
create or replace view sources as
select
    source,
    signal,
    sum(received) as received,
    sum(stored) as stored,
    sum(refused) as refused,
    sum(duplicate) as duplicate,
    max(counted_at) as last_seen
from source_count
group by source, signal;
