-- What came in over time, and what became of it.
-- Bound: $since, $until (timestamptz), $bucket_s (seconds), $source, $signal (text or null).
select
    time_bucket(to_seconds($bucket_s), counted_at) as bucket,
    source,
    signal,
    cast(sum(received) as ubigint) as received,
    cast(sum(stored) as ubigint) as stored,
    cast(sum(refused) as ubigint) as refused,
    cast(sum(duplicate) as ubigint) as duplicate
from source_count
where
    counted_at >= $since
    and counted_at < $until
    and ($source is null or source = $source)
    and ($signal is null or signal = $signal)
group by bucket, source, signal
order by bucket, source, signal
