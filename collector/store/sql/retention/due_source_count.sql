-- The rows of source_count whose time is over and that no hold covers.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
create or replace temp table due as
select t.rowid as id, t.counted_at as told_at
from source_count as t
where
    t.counted_at < $before
    and not exists (
        select 1
        from standing_hold as h
        where t.counted_at >= h.since and t.counted_at < h.until
    );
