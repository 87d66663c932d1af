-- Earliest and latest start of what the batch brought to the touched traces.
-- Rows of the batch are those behind the position, which moves after them.
-- Bound: nothing; reads the temporary tables touched and further.
with
    applied as (
        select coalesce(max(sequence), 0) as sequence
        from position
    ),
    brought as (
        select started_at as told_at
        from span
        where
            sequence > (select sequence from applied)
            and trace_id in (select trace_id from touched)
        union all
        select started_at as told_at
        from logged_call
        where
            sequence > (select sequence from applied)
            and trace_id in (select trace_id from touched)
        union all
        select decided_at as told_at
        from decision
        where
            sequence > (select sequence from applied)
            and trace_id in (select trace_id from touched)
        union all
        select told_at
        from further
    )
select
    epoch_us(min(told_at)) as earliest_us,
    epoch_us(max(told_at)) as latest_us
from brought;
