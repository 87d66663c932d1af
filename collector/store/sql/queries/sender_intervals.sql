-- The newest intervals between the requests of each sender, and how long it has been quiet.
-- Looks back two days. Bound: $until (timestamptz or null), $now (timestamptz).
with
    heard as (
        select source, signal, service_name, instance, first_at, last_at, requests
        from sender_count
        where
            first_at < coalesce(cast($until as timestamptz), $now)
            and last_at >= coalesce(cast($until as timestamptz), $now) - interval 2 day
    ),
    steps as (
        select
            source,
            signal,
            service_name,
            instance,
            last_at,
            epoch_us(first_at) - epoch_us(
                max(last_at) over (
                    partition by source, signal, service_name, instance
                    order by first_at, last_at
                    rows between unbounded preceding and 1 preceding
                )
            ) as between_us,
            case
                when requests > 1
                then (epoch_us(last_at) - epoch_us(first_at)) // (cast(requests as bigint) - 1)
            end as within_us,
            row_number() over (
                partition by source, signal, service_name, instance
                order by first_at desc, last_at desc
            ) as age
        from heard
    )
select
    source,
    signal,
    service_name,
    instance,
    list_concat(
        list(between_us) filter (where between_us > 0 and age <= 100),
        list(within_us) filter (where within_us > 0 and age <= 100)
    ) as intervals_us,
    max(between_us) as longest_us,
    (
        epoch_us(least(coalesce(cast($until as timestamptz), $now), $now))
        - epoch_us(max(last_at))
    ) as quiet_us
from steps
group by source, signal, service_name, instance
order by source, signal, service_name, instance
