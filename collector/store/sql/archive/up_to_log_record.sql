-- The sequence up to which one step seals a day of log_record, so that a step stays short.
-- Bound: $since, $until, $received_before (timestamptz), $most: about how many rows.
select max(sequence) as sequence
from (
    select sequence
    from log_record
    where logged_at >= $since and logged_at < $until and received_at < $received_before
    order by sequence
    limit $most
);
