-- Records that were refused, newest first; a page ends only where a moment ends.
-- Bound: $since, $until (timestamptz), $source, $signal, $reason (text or null),
-- $before_ns (nanoseconds or null), $limit.
select
    received_at,
    epoch_ns(received_at) as received_ns,
    source,
    signal,
    reason,
    records,
    detail,
    nullif(regexp_extract(detail, '^kept in ([^ ]+) as ', 1), '') as set_aside
from refused_record
where
    received_at >= $since
    and received_at < $until
    and ($source is null or source = $source)
    and ($signal is null or signal = $signal)
    and ($reason is null or reason = $reason)
    and (cast($before_ns as bigint) is null or epoch_ns(received_at) < cast($before_ns as bigint))
qualify rank() over (order by received_at desc) <= $limit
order by received_at desc, source, signal, reason, detail
