-- Who sends, and what became of it, in a period.
-- Bound: $since, $until (timestamptz or null).
select
    source,
    signal,
    cast(sum(received) as ubigint) as received,
    cast(sum(stored) as ubigint) as stored,
    cast(sum(refused) as ubigint) as refused,
    cast(sum(duplicate) as ubigint) as duplicate,
    max(counted_at) as last_seen
from source_count
where
    (cast($since as timestamptz) is null or counted_at >= cast($since as timestamptz))
    and (cast($until as timestamptz) is null or counted_at < cast($until as timestamptz))
group by source, signal
order by source, signal
