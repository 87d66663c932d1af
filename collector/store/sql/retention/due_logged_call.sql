-- The rows of logged_call whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $up_to: the last sequence known to be old; reads the temporary table standing_hold.
create or replace temp table due as
select t.rowid as id, t.started_at as told_at
from logged_call as t
where
    t.started_at < $before
    and t.sequence <= $up_to
    and not exists (
        select 1
        from standing_hold as h
        where t.started_at >= h.since and t.started_at < h.until
            and (h.agent is null or h.agent = t.agent_name or t.agent_name in (select n.alias from agent_names as n where n.agent = h.agent))
    );
