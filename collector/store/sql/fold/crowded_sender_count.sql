-- Counts of one sender and lag that stand in several rows: within a minute from an hour to a day
-- old, within an hour from a week to eight days old. What is younger than an hour stays as it
-- came, because rhythms are learnt from it. Bound: nothing.
create or replace temp table folding as
select rowid as row, *, case
        when last_at < newest - interval 7 day then date_trunc('hour', last_at)
        else date_trunc('minute', last_at)
    end as step
from sender_count
cross join (select max(last_at) as newest from sender_count)
where
    (last_at < newest - interval 1 hour and last_at >= newest - interval 25 hour)
    or (last_at < newest - interval 7 day and last_at >= newest - interval 8 day)
qualify
    count(*) over (
        partition by step, source, signal, service_name, instance, sample, lag_bucket
    ) > 1;
