-- Public view: numbers of numbered streams that never came. A late arrival closes its gap.
-- noticed_at: when a number above the gap came first.
create or replace view sequence_gaps as
select
    source,
    signal,
    service_name,
    instance,
    sample,
    stream,
    cast(reached + 1 as ubigint) as first_missing,
    cast(low - 1 as ubigint) as last_missing,
    cast(low - reached - 1 as ubigint) as missing,
    noticed_at
from
    (
        select
            *,
            coalesce(
                max(high) over (
                    partition by source, signal, service_name, instance, stream
                    order by low, high, first_at
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as reached,
            min(first_at) over (
                partition by source, signal, service_name, instance, stream
                order by low desc
                range between unbounded preceding and current row
            ) as noticed_at
        from sequence_range
    )
where low > reached + 1;
