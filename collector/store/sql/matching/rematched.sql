-- The traces in which something is matched otherwise than before, with a call of each, by time.
-- Bound: nothing; reads the temporary tables parted and joined.
select trace_id, epoch_us(min(started_at)) as first_us, epoch_us(max(started_at)) as last_us
from (from parted union all from joined)
group by trace_id
order by first_us, trace_id;
