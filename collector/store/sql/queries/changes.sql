-- What changed: commands, trust tiers, states of objectives, agents seen for the first time; newest first.
-- Bound: $since, $until (timestamptz), $agent (or null), $limit.
with
    told as (
        select
            *,
            max(place) over (partition by command_id) as furthest
        from (
            select
                *,
                phase_place(phase) as place
            from command_event
            where told_at >= $since and told_at < $until
        )
    ),
    -- One line a command: how far it came within the period.
    command_change as (
        select
            min(e.told_at) as changed_at,
            'command' as kind,
            coalesce(any_value(n.agent), any_value(e.agent)) as agent,
            any_value(e.kind) || ' ' || replace(any_value(e.phase), 'acked', 'acknowledged')
            || coalesce(', by ' || any_value(c.actor), '')
            || coalesce(': ' || any_value(c.reason), '') as summary
        from told as e
        left join agent_names as n on n.alias = e.agent
        left join commands as c on c.command_id = e.command_id
        where e.place = e.furthest
        group by e.command_id
    ),
    trust_step as (
        select
            scored_at as changed_at,
            agent,
            score,
            tier,
            lag(tier) over (partition by agent order by scored_ns, sequence) as tier_before,
            lag(score) over (partition by agent order by scored_ns, sequence) as score_before
        from named_trust_point
        where scored_at < $until
    ),
    objective_step as (
        select
            judged_at as changed_at,
            agent,
            objective,
            state,
            lag(state) over (partition by objective, agent order by judged_at) as state_before
        from budget
        where judged_at < $until and judged_at >= $since - interval 1 day
    ),
    change as (
        select changed_at, kind, agent, summary
        from command_change
        union all
        select
            changed_at,
            'trust',
            agent,
            replace(tier_before, '_', ' ') || ' to ' || replace(tier, '_', ' ')
            || ' (' || round(score_before)::int || ' to ' || round(score)::int || ')'
        from trust_step
        where changed_at >= $since and tier != tier_before
        union all
        select
            changed_at,
            'objective',
            agent,
            objective || ': ' || replace(state_before, '_', ' ') || ' to ' || replace(state, '_', ' ')
        from objective_step
        where changed_at >= $since and state != state_before
        union all
        select first_seen, 'agent', agent, 'seen for the first time'
        from agents
        where first_seen >= $since and first_seen < $until
    )
select changed_at, kind, agent, summary
from change
where $agent is null or agent = $agent
order by changed_at desc, kind, agent, summary
limit $limit
