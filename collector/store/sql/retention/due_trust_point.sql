-- The rows of trust_point whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $up_to: the last sequence known to be old; calls is_held.
create or replace temp table due as
select t.rowid as id, t.scored_at as told_at
from trust_point as t
where
    t.scored_at < $before
    and t.sequence <= $up_to
    and not is_held(t.scored_at, t.agent, t.agent_id);
