-- Who was seen in crowded hours, added up. A row taken back may have been the first or the last
-- of its hour, so hours with such rows are looked at again; what is no longer kept stands.
-- Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
with
    doubtful as (
        select distinct seen_in
        from agent_rollup
        where events < 0 and seen_in in (select step from crowded)
    ),
    kept as (
        select agent, agent_id, framework, environment, instance, sample, started_at as seen_at
        from run
        union all
        select agent, agent_id, framework, environment, instance, sample, started_at as seen_at
        from action
        union all
        select
            agent,
            agent_id,
            case when starts_with(dialect, 'agt') then 'agt' end as framework,
            environment,
            instance,
            sample,
            decided_at as seen_at
        from decision
    ),
    looked_at as (
        select
            date_trunc('hour', seen_at) as seen_in,
            agent,
            agent_id,
            framework,
            environment,
            instance,
            sample,
            min(seen_at) as first_seen,
            max(seen_at) as last_seen
        from kept
        where
            seen_at >= (select min(seen_in) from doubtful)
            and date_trunc('hour', seen_at) in (select seen_in from doubtful)
        group by all
    ),
    added as (
        select
            seen_in,
            agent,
            agent_id,
            framework,
            environment,
            instance,
            sample,
            sum(events)::bigint as events,
            min(first_seen) as first_seen,
            max(last_seen) as last_seen
        from agent_rollup
        where seen_in in (select step from crowded)
        group by all
        having sum(events) <> 0
    )
select
    a.* replace (
        coalesce(l.first_seen, a.first_seen) as first_seen,
        coalesce(l.last_seen, a.last_seen) as last_seen
    )
from added as a
left join looked_at as l
    on l.seen_in = a.seen_in
    and l.agent = a.agent
    and l.agent_id is not distinct from a.agent_id
    and l.framework is not distinct from a.framework
    and l.environment is not distinct from a.environment
    and l.instance is not distinct from a.instance
    and l.sample = a.sample
order by a.seen_in, a.agent;
