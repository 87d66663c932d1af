-- Holds in force, oldest first.
-- Bound: $now.
select *
from command
where state not in ('released', 'expired')
    and expires_at > $now
order by issued_at, command_id;
