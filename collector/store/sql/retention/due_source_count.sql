-- The rows of source_count whose time is over and that no hold covers.
-- Bound: $before (timestamptz); calls is_held_then.
create or replace temp table due as
select t.rowid as id, t.counted_at as told_at
from source_count as t
where
    t.counted_at < $before
    and not is_held_then(t.counted_at);
