-- Whether a legal hold covers what an agent, by its name or its id, did at a moment: under whichever of
-- its names. Bound: nothing; reads the temporary table standing_hold.
create or replace temp macro is_held(told_at, name, id) as
    exists (
        select 1
        from standing_hold as h
        where
            told_at >= h.since
            and told_at < h.until
            and (
                h.agent is null
                or h.agent in (name, id)
                or name in (select n.alias from agent_names as n where n.agent = h.agent)
            )
    );
