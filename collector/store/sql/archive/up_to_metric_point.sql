-- The sequence up to which one step seals a day of metric_point, so that a step stays short.
-- Bound: $since, $until, $received_before (timestamptz), $most: about how many rows.
select max(sequence) as sequence
from (
    select sequence
    from metric_point
    where measured_at >= $since and measured_at < $until and received_at < $received_before
    order by sequence
    limit $most
);
