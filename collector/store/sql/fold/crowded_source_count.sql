-- Counts of one source in one minute that stand in several rows, between an hour and a day old.
-- Bound: nothing.
create or replace temp table folding as
select rowid as row, *
from source_count
where
    counted_at < (select max(counted_at) from source_count) - interval 1 hour
    and counted_at >= (select max(counted_at) from source_count) - interval 25 hour
qualify count(*) over (partition by date_trunc('minute', counted_at), source, signal) > 1;
