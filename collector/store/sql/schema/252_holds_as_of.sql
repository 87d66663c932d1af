-- Public macro: the holds in force at a moment, as far as it was known at another.
create or replace macro holds_as_of(told_until, known_until) as table
with
    hold as (
        select
            hold_id,
            any_value(command_id) as command_id,
            any_value(kind) as kind,
            any_value(agent) as agent,
            any_value(actor) filter (where phase = 'requested') as actor,
            any_value(reason) filter (where phase = 'requested') as reason,
            min(told_at) filter (where phase = 'signed') as since,
            max(expires_at) as expires_at,
            bool_or(phase = 'enforced') as is_enforced,
            bool_or(phase in ('released', 'expired')) as is_over,
            bool_or(sample) as sample
        from command_event
        where
            told_at <= cast(told_until as timestamptz)
            and known(received_at, told_at, cast(known_until as timestamptz))
        group by hold_id
    )
select h.* exclude (is_over) replace (coalesce(n.agent, h.agent) as agent)
from hold as h
left join agent_names as n on n.alias = h.agent
where h.since is not null and not h.is_over and h.expires_at > cast(told_until as timestamptz);
