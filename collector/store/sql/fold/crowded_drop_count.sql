-- Readings of one drop counter in one hour that stand in several rows, an hour to a day old.
-- Bound: nothing.
create or replace temp table folding as
select rowid as row, *
from drop_count
where
    counted_at < (select max(counted_at) from drop_count) - interval 1 hour
    and counted_at >= (select max(counted_at) from drop_count) - interval 25 hour
qualify
    count(*) over (
        partition by
            date_trunc('hour', counted_at),
            source,
            signal,
            service_name,
            instance,
            sample,
            reason,
            series,
            is_delta,
            case when is_delta then 0 else start_ns end
    ) > 1;
