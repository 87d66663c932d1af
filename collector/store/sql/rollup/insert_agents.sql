-- Note who was seen in what changed. Bound: nothing; reads the temporary table changed_event.
insert into agent_rollup by name
select
    date_trunc('hour', started_at) as seen_in,
    agent,
    agent_id,
    framework,
    environment,
    instance,
    sample,
    sum(events)::bigint as events,
    min(started_at) filter (where events > 0) as first_seen,
    max(started_at) filter (where events > 0) as last_seen
from changed_event
group by all
having sum(events) <> 0 or bool_or(events > 0)
order by seen_in, agent;
