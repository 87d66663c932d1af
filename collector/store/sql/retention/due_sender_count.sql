-- The rows of sender_count whose time is over and that no hold covers.
-- Bound: $before (timestamptz); calls is_held_then.
create or replace temp table due as
select t.rowid as id, t.last_at as told_at
from sender_count as t
where
    t.last_at < $before
    and not is_held_then(t.last_at);
