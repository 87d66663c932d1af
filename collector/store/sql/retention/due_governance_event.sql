-- The rows of governance_event whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $up_to: the last sequence known to be old; calls is_held.
create or replace temp table due as
select t.rowid as id, t.told_at as told_at
from governance_event as t
where
    t.told_at < $before
    and t.sequence <= $up_to
    and not is_held(t.told_at, t.agent, t.agent_id);
