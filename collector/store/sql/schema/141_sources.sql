-- Public view: who sends, and what became of it.
create or replace view sources as
select
    source,
    signal,
    cast(sum(received) as ubigint) as received,
    cast(sum(stored) as ubigint) as stored,
    cast(sum(refused) as ubigint) as refused,
    cast(sum(duplicate) as ubigint) as duplicate,
    max(counted_at) as last_seen
from source_count
group by source, signal;
