-- The rows of sender_count whose time is over and that no hold covers.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
create or replace temp table due as
select t.rowid as id, t.last_at as told_at
from sender_count as t
where
    t.last_at < $before
    and not exists (
        select 1
        from standing_hold as h
        where t.last_at >= h.since and t.last_at < h.until
    );
