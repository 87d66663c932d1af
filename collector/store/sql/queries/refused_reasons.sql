-- How many records were refused for which reason, with the newest example.
-- Bound: $since, $until (timestamptz), $source, $signal (text or null).
select
    reason,
    source,
    signal,
    cast(sum(records) as ubigint) as records,
    cast(
        sum(records) filter (where regexp_matches(detail, '^kept in [^ ]+ as ')) as ubigint
    ) as set_aside,
    max(received_at) as last_at,
    arg_max(detail, received_at) as example
from refused_record
where
    received_at >= $since
    and received_at < $until
    and ($source is null or source = $source)
    and ($signal is null or signal = $signal)
group by reason, source, signal
order by records desc, reason, source, signal
