-- The rows of refused_record whose time is over and that no hold covers.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
create or replace temp table due as
select t.rowid as id, t.received_at as told_at
from refused_record as t
where
    t.received_at < $before
    and not exists (
        select 1
        from standing_hold as h
        where t.received_at >= h.since and t.received_at < h.until
    );
