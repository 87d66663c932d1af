-- A bound on how long anything took that ended between $since and $until, in microseconds.
-- Bound: $signal, $since, $until (timestamptz).
select coalesce(max(longest_us), 0) as longest_us
from event_rollup
where
    signal = $signal
    and ended_in >= time_bucket(interval 5 minutes, $since::timestamptz)
    and ended_in < $until
