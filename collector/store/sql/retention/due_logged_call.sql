-- The rows of logged_call whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $up_to: the last sequence known to be old; calls is_held.
create or replace temp table due as
select t.rowid as id, t.started_at as told_at
from logged_call as t
where
    t.started_at < $before
    and t.sequence <= $up_to
    and not is_held(t.started_at, t.agent_name, null);
