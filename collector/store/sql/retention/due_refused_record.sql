-- The rows of refused_record whose time is over and that no hold covers.
-- Bound: $before (timestamptz); calls is_held_then.
create or replace temp table due as
select t.rowid as id, t.received_at as told_at
from refused_record as t
where
    t.received_at < $before
    and not is_held_then(t.received_at);
