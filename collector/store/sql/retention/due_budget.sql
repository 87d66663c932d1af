-- The rows of budget whose time is over and that no hold covers.
-- Bound: $before (timestamptz); reads the temporary table standing_hold.
create or replace temp table due as
select t.rowid as id, t.judged_at as told_at
from budget as t
where
    t.judged_at < $before
    and not exists (
        select 1
        from standing_hold as h
        where t.judged_at >= h.since and t.judged_at < h.until
            and (h.agent is null or h.agent = t.agent)
    );
