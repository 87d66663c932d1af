-- Rows of log_record that no file holds, whose time is over and that no hold covers.
-- Bound: $before (timestamptz), $governs: whether the rows are those that carry governance; calls is_held_then.
create or replace temp table due as
select t.rowid as id, t.logged_at as told_at
from log_record as t
where
    t.logged_at < $before
    and t.received_at < $before
    and coalesce(
        t.sequence in (
            select sequence from decision
            union all
            select sequence from trust_point
            union all
            select sequence from command_event
            union all
            select sequence from governance_event
        )
        or t.trace_id in (select d.trace_id from decision as d where d.trace_id is not null),
        false
    ) = $governs
    and not is_held_then(t.logged_at);
