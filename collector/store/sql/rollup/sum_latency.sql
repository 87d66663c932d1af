-- The counts of durations of crowded steps added up.
-- Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
select
    signal,
    started_in,
    agent,
    bucket,
    sum(events)::bigint as events
from latency_rollup
where started_in in (select step from crowded)
group by all
having sum(events) <> 0
order by started_in, signal, agent, bucket;
