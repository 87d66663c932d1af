-- The rows of drop_count whose time is over and that no hold covers.
-- A counter that still tells keeps what it told, for its values are differences.
-- Bound: $before (timestamptz); calls is_held_then.
create or replace temp table due as
select t.rowid as id, t.counted_at as told_at
from drop_count as t
where
    t.counted_at < $before
    and not exists (
        select 1
        from drop_count as l
        where
            l.counted_at >= $before
            and l.source is not distinct from t.source
            and l.series is not distinct from t.series
            and l.start_ns is not distinct from t.start_ns
    )
    and not is_held_then(t.counted_at);
