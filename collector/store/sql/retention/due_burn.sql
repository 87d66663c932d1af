-- The rows of burn whose time is over and that no hold covers.
-- Bound: $before (timestamptz); calls is_held.
create or replace temp table due as
select t.rowid as id, t.judged_at as told_at
from burn as t
where
    t.judged_at < $before
    and not is_held(t.judged_at, t.agent, null);
