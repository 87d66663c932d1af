-- Keep the transitions not told before, word for word.
-- Bound: incoming (Arrow: the columns of command_event).
insert into command_event by name
select i.*
from incoming as i
where not exists (
    select 1
    from command_event as t
    where t.told_at is not distinct from i.told_at
        and t.command_id is not distinct from i.command_id
        and t.hold_id is not distinct from i.hold_id
        and t.kind is not distinct from i.kind
        and t.phase is not distinct from i.phase
        and t.agent is not distinct from i.agent
        and t.instance is not distinct from i.instance
        and t.actor is not distinct from i.actor
        and t.origin is not distinct from i.origin
        and t.reason is not distinct from i.reason
        and t.expires_at is not distinct from i.expires_at
        and t.detail is not distinct from i.detail
);
