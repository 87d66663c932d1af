-- Public view: who sends, what became of it, and what is known to be missing.
-- gaps: numbers that never came; null where no sender numbers its records.
create or replace view sources as
with
    counted as (
        select
            source,
            signal,
            cast(sum(received) as ubigint) as received,
            cast(sum(stored) as ubigint) as stored,
            cast(sum(refused) as ubigint) as refused,
            cast(sum(duplicate) as ubigint) as duplicate,
            max(counted_at) as last_seen
        from source_count
        group by source, signal
    ),
    numbered as (select distinct source, signal from sequence_range),
    missed as (
        select source, signal, sum(missing) as missing
        from sequence_gaps
        group by source, signal
    )
select
    c.source,
    c.signal,
    c.received,
    c.stored,
    c.refused,
    c.duplicate,
    case when n.source is not null then cast(coalesce(m.missing, 0) as ubigint) end as gaps,
    c.last_seen
from counted as c
left join numbered as n using (source, signal)
left join missed as m using (source, signal);
