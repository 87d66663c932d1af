-- The rows of command_event whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $up_to: the last sequence known to be old; calls is_held and is_held_then.
create or replace temp table due as
select t.rowid as id, t.told_at as told_at
from command_event as t
where
    t.told_at < $before
    and t.sequence <= $up_to
    and not (t.agent is null and is_held_then(t.told_at))
    and not is_held(t.told_at, t.agent, null);
