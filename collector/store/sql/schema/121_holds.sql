-- Public view: standing restrictions, in force or ended.
create or replace view holds as
select
    hold_id,
    command_id,
    kind,
    agent,
    reason,
    signed_at as since,
    expires_at,
    released_at,
    released_at is null and expired_at is null and expires_at > now() as in_force,
    sample
from commands
where signed_at is not null;
