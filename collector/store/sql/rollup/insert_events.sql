-- Count the runs and actions that changed. Bound: nothing; reads the temporary table changed_event.
insert into event_rollup by name
with
    event as (
        select
            *,
            cast(coalesce(duration_ms, 0) * 1000 as bigint) as duration_us
        from changed_event
    )
select
    signal,
    time_bucket(interval 5 minutes, started_at) as started_in,
    time_bucket(interval 5 minutes, started_at + to_microseconds(duration_us)) as ended_in,
    agent,
    environment,
    kind,
    outcome,
    sum(events)::bigint as events,
    max(duration_us) as longest_us
from event
group by all
having sum(events) <> 0
order by started_in, signal, agent;
