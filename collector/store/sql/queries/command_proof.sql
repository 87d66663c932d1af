-- Commands with the proof of each phase. Acknowledged is not enforced: enforced needs a refused call,
-- and an action that still went through after a kill or pause contradicts the acknowledgement.
-- Bound: $hold_id (or null), $limit, $now (timestamptz).
with
    command as (
        select *, least(released_at, expired_at, expires_at, $now) as stood_until
        from commands
        where $hold_id is null or hold_id = $hold_id
        order by requested_at desc, command_id
        limit $limit
    ),
    -- The word of another agent, or of an instance that never got the hold, proves nothing of it.
    refusal as (
        select
            d.hold_id,
            min(d.decided_at) as enforced_at,
            arg_min(d.decision_id, d.decided_ns) as enforced_decision_id
        from named_decision as d
        inner join command as c on c.hold_id = d.hold_id
        left join agent_names as n on n.alias = c.agent
        where
            d.effect = 'blocked'
            and d.agent = coalesce(n.agent, c.agent)
            and (
                c.enforced_at is not null
                or exists (
                    select 1
                    from command_event as e
                    where
                        e.hold_id = d.hold_id and e.phase = 'delivered'
                        and (d.instance is null or e.instance = d.instance)
                )
            )
        group by d.hold_id
    ),
    instance_ack as (
        select hold_id, instance, min(acked_at) as acked_at
        from acknowledgements
        semi join command using (hold_id)
        where status is null or status not in ('rejected', 'failed')
        group by hold_id, instance
    ),
    last_ack as (
        select hold_id, max(acked_at) as acked_at
        from instance_ack
        group by hold_id
    ),
    -- An instance answers for itself; an action that names no known instance counts once all have answered.
    after_ack as (
        select
            c.command_id,
            min(a.started_at) as first_started_at,
            count(*) as actions
        from command as c
        inner join last_ack as l on l.hold_id = c.hold_id
        left join agent_names as n on n.alias = c.agent
        inner join named_action as a on a.agent = coalesce(n.agent, c.agent)
        left join instance_ack as i on i.hold_id = c.hold_id and i.instance = a.instance
        where
            a.outcome = 'ok'
            and a.started_at > coalesce(i.acked_at, l.acked_at) + interval 1 second
            and a.started_at < c.stood_until
        group by c.command_id
    )
select
    c.command_id,
    c.hold_id,
    c.kind,
    c.agent,
    c.actor,
    c.origin,
    c.reason,
    c.requested_at,
    c.signed_at,
    c.delivered_at,
    c.acked_at,
    r.enforced_at,
    r.enforced_decision_id,
    case when c.kind in ('kill', 'pause') then s.first_started_at end as contradicted_at,
    case when c.acked_at is not null then coalesce(s.actions, 0) end as actions_after_ack,
    c.released_at,
    c.expired_at,
    c.expires_at,
    case
        when c.phase in ('released', 'expired', 'failed') then c.phase
        when c.kind in ('kill', 'pause') and s.first_started_at is not null then 'contradicted'
        when r.enforced_at is not null then 'enforced'
        else c.phase
    end as phase,
    c.sample
from command as c
left join refusal as r using (hold_id)
left join after_ack as s using (command_id)
order by c.requested_at desc, c.command_id
