-- The days of span that have rows to seal, the oldest first. late: how many of the rows came
-- over 31 days after the time they tell.
-- Bound: $closed_before, $received_before (timestamptz).
select
    epoch_us(date_trunc('day', started_at)) as day_us,
    count(*) as rows,
    count(*) filter (where received_at > started_at + interval 31 day) as late
from span
where started_at < $closed_before and received_at < $received_before
group by date_trunc('day', started_at)
order by day_us;
