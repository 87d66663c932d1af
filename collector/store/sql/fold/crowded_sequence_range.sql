-- Ranges of one stream that touch each other. Bound: nothing.
create or replace temp table folding as
select * exclude (reached)
from
    (
        select *, sum(case when low > reached + 1 then 1 else 0 end) over (
                partition by source, signal, service_name, instance, stream
                order by low, high, first_at, row
            ) as island
        from
            (
                select rowid as row, *, coalesce(
                        max(high) over (
                            partition by source, signal, service_name, instance, stream
                            order by low, high, first_at, rowid
                            rows between unbounded preceding and 1 preceding
                        ),
                        0
                    ) as reached
                from sequence_range
            )
    )
qualify
    count(*) over (partition by source, signal, service_name, instance, stream, island) > 1;
