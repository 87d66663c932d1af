-- Public view: every agent that ran, acted, was judged or was scored.
-- framework: the newest that its spans told; agt only when no other did.
create or replace view agents as
with
    seen as (
        select agent, agent_id, framework, environment, instance, sample, started_at as seen_at from named_run
        union all by name
        select agent, agent_id, framework, environment, instance, sample, started_at as seen_at from named_action
        union all by name
        select
            agent,
            agent_id,
            case when starts_with(dialect, 'agt') then 'agt' end as framework,
            environment,
            instance,
            sample,
            decided_at as seen_at
        from named_decision
        union all by name
        select agent, agent_id, null as framework, environment, null as instance, sample, scored_at as seen_at from named_trust_point
    )
select
    agent,
    arg_max(agent_id, seen_at) as agent_id,
    coalesce(
        arg_max(framework, seen_at) filter (where framework <> 'agt'),
        any_value(framework)
    ) as framework,
    arg_max(environment, seen_at) as environment,
    min(seen_at) as first_seen,
    max(seen_at) as last_seen,
    count(distinct instance) as instances,
    bool_or(sample) as sample
from seen
group by agent;
