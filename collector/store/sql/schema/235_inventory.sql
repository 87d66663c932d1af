-- Public view: what was seen in the telemetry, by whom and when. first_seen and last_seen begin the
-- hours in which it was used, of agents they are exact. agents: at most a hundred names.
create or replace view inventory as
with
    -- Per hour, because what an hour takes back in the end was never seen in it.
    hour as (
        select
            r.seen_in,
            coalesce(n.agent, r.agent) as agent,
            r.kind,
            r.name,
            r.version,
            r.origin,
            bool_or(r.sample) as sample,
            sum(r.events) as events
        from component_rollup as r
        left join agent_names as n on n.alias = r.agent
        group by all
        having sum(r.events) > 0
    )
select
    kind,
    name,
    version,
    origin,
    count(distinct agent) as agent_count,
    list_sort(list(distinct agent))[:100] as agents,
    sum(events)::bigint as events,
    min(seen_in) as first_seen,
    max(seen_in) as last_seen,
    bool_or(sample) as sample
from hour
group by kind, name, version, origin
union all by name
select
    'agent' as kind,
    agent as name,
    null as version,
    framework as origin,
    1 as agent_count,
    [agent] as agents,
    null as events,
    first_seen,
    last_seen,
    sample
from agents;
