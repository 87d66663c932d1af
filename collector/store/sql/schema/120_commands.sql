-- Public view: operators' commands with the time of each proven phase.
create or replace view commands as
select
    command_id,
    any_value(hold_id) as hold_id,
    any_value(kind) as kind,
    any_value(agent) as agent,
    any_value(actor) filter (where phase = 'requested') as actor,
    any_value(origin) filter (where phase = 'requested') as origin,
    any_value(reason) filter (where phase = 'requested') as reason,
    max(expires_at) as expires_at,
    min(told_at) filter (where phase = 'requested') as requested_at,
    min(told_at) filter (where phase = 'signed') as signed_at,
    min(told_at) filter (where phase = 'delivered') as delivered_at,
    min(told_at) filter (where phase = 'acked') as acked_at,
    min(told_at) filter (where phase = 'enforced') as enforced_at,
    min(told_at) filter (where phase = 'released') as released_at,
    min(told_at) filter (where phase = 'expired') as expired_at,
    -- How far it has come, not what was told last: an acknowledgement may arrive after
    -- the refusal that proves more.
    arg_max(phase, phase_place(phase)) as phase,
    bool_or(sample) as sample,
    -- What a degraded agent may still do, as JSON.
    any_value(detail ->> '$.profile') as profile
from command_event
group by command_id;
