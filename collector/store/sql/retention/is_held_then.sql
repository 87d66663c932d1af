-- Whether a legal hold covers a moment, of whichever agent. Bound: nothing; reads the temporary table
-- standing_hold.
create or replace temp macro is_held_then(told_at) as
    exists (
        select 1
        from standing_hold as h
        where told_at >= h.since and told_at < h.until
    );
