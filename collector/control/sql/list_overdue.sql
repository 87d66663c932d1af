-- Holds whose time is over but which nobody has ended yet.
-- Bound: $now.
select *
from command
where state not in ('released', 'expired')
    and expires_at <= $now
order by expires_at, command_id;
