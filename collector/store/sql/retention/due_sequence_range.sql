-- The rows of sequence_range whose time is over and that no hold covers.
-- A stream that still tells keeps its first numbers, or they would seem missing.
-- Bound: $before (timestamptz); calls is_held_then.
create or replace temp table due as
select t.rowid as id, t.last_at as told_at
from sequence_range as t
where
    t.last_at < $before
    and not exists (
        select 1
        from sequence_range as l
        where
            l.last_at >= $before
            and l.source is not distinct from t.source
            and l.signal is not distinct from t.signal
            and l.service_name is not distinct from t.service_name
            and l.instance is not distinct from t.instance
            and l.stream is not distinct from t.stream
    )
    and not is_held_then(t.last_at);
