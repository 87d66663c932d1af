-- Public view: every agent that ran, acted, was judged or was scored.
-- framework: the newest that its spans told; agt only when no other did.
create or replace view agents as
with
    -- Per hour, because what an hour takes back in the end was never seen in it.
    hour as (
        select
            agent,
            agent_id,
            framework,
            environment,
            instance,
            sample,
            min(first_seen) as first_seen,
            max(last_seen) as last_seen
        from agent_rollup
        group by agent, agent_id, framework, environment, instance, sample, seen_in
        having sum(events) > 0
    ),
    seen as (
        select
            coalesce(n.agent, h.agent) as agent,
            coalesce(h.agent_id, n.alias) as agent_id,
            h.framework,
            h.environment,
            h.instance,
            h.sample,
            h.first_seen,
            h.last_seen
        from hour as h
        left join agent_names as n on n.alias = h.agent
        union all by name
        select
            agent,
            agent_id,
            null as framework,
            environment,
            null as instance,
            sample,
            scored_at as first_seen,
            scored_at as last_seen
        from named_trust_point
    )
select
    agent,
    arg_max(agent_id, last_seen) as agent_id,
    coalesce(
        arg_max(framework, last_seen) filter (where framework <> 'agt'),
        any_value(framework)
    ) as framework,
    arg_max(environment, last_seen) as environment,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    count(distinct instance) as instances,
    bool_or(sample) as sample
from seen
group by agent;
