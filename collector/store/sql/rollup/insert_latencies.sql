-- Count the durations that changed. Bound: nothing; reads the temporary table changed_event.
insert into latency_rollup by name
select
    signal,
    date_trunc('hour', started_at) as started_in,
    agent,
    latency_bucket(duration_ms) as bucket,
    sum(events)::bigint as events
from changed_event
where duration_ms is not null
group by all
having sum(events) <> 0
order by started_in, signal, agent, bucket;
