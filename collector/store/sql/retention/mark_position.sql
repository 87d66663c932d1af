-- Mark how far the log is applied, unless a mark of the last day, or of a later clock, is there.
-- Bound: $now (timestamptz).
insert into position_mark
select $now, sequence
from position
where not exists (
    select 1
    from position_mark
    where marked_at > $now::timestamptz - interval 1 day
);
