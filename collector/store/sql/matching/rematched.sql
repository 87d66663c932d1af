-- The traces in which something is matched otherwise than before, with the times of what it was.
-- Bound: nothing; reads the temporary tables parted, joined, parted_refusal and joined_refusal.
with
    moved as (
        select trace_id, started_at as moved_at
        from parted
        union all
        select trace_id, started_at
        from joined
        union all
        select trace_id, decided_at
        from parted_refusal
        union all
        select trace_id, decided_at
        from joined_refusal
    )
select trace_id, epoch_us(min(moved_at)) as first_us, epoch_us(max(moved_at)) as last_us
from moved
group by trace_id
order by first_us, trace_id;
