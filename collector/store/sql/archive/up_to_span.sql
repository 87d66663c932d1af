-- The sequence up to which one step seals a day of span, so that a step stays short.
-- Bound: $since, $until, $received_before (timestamptz), $most: about how many rows.
select max(sequence) as sequence
from (
    select sequence
    from span
    where started_at >= $since and started_at < $until and received_at < $received_before
    order by sequence
    limit $most
);
