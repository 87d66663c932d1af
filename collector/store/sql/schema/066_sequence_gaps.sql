-- Public view: numbers of numbered streams that never came. A late arrival closes its gap.
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
    first_at as noticed_at
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
            ) as reached
        from sequence_range
    )
where low > reached + 1;
