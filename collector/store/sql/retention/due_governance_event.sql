-- The rows of governance_event whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $up_to: the last sequence known to be old; reads the temporary table standing_hold.
create or replace temp table due as
select t.rowid as id, t.told_at as told_at
from governance_event as t
where
    t.told_at < $before
    and t.sequence <= $up_to
    and not exists (
        select 1
        from standing_hold as h
        where t.told_at >= h.since and t.told_at < h.until
            and (h.agent is null or h.agent in (t.agent, t.agent_id) or t.agent in (select n.alias from agent_names as n where n.agent = h.agent))
    );
