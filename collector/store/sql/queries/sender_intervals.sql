-- The newest intervals between the requests of each sender, learnt from the six hours before
-- its last, and how long it has been quiet. Looks back two days.
-- Bound: $until (timestamptz or null), $now (timestamptz).
with
    heard as (
        select
            dense_rank() over (order by source, signal, service_name, instance) as sender,
            source,
            signal,
            service_name,
            instance,
            max(last_at) as last_at
        from sender_count
        where
            first_at < coalesce(cast($until as timestamptz), $now)
            and last_at >= coalesce(cast($until as timestamptz), $now) - interval 2 day
        group by source, signal, service_name, instance
    ),
    steps as (
        select
            h.sender,
            epoch_us(c.first_at) as first_us,
            epoch_us(c.first_at) - lag(epoch_us(c.last_at)) over (
                partition by h.sender order by c.first_at, c.last_at
            ) as between_us,
            case
                when c.requests > 1
                then
                    (epoch_us(c.last_at) - epoch_us(c.first_at))
                    // (cast(c.requests as bigint) - 1)
            end as within_us
        from sender_count as c
        join
            heard as h
            on c.source = h.source
            and c.signal = h.signal
            and coalesce(c.service_name, '') = coalesce(h.service_name, '')
            and coalesce(c.instance, '') = coalesce(h.instance, '')
            and (c.service_name is null) = (h.service_name is null)
            and (c.instance is null) = (h.instance is null)
        where
            c.first_at < coalesce(cast($until as timestamptz), $now)
            and c.last_at >= h.last_at - interval 6 hour
            and c.last_at >= coalesce(cast($until as timestamptz), $now) - interval 54 hour
    ),
    learnt as (
        select
            sender,
            list(between_us order by first_us desc) filter (where between_us > 0)
            [1:100] as betweens_us,
            list(within_us order by first_us desc) filter (where within_us > 0)
            [1:100] as withins_us,
            max(between_us) as longest_us
        from steps
        group by sender
    )
select
    h.source,
    h.signal,
    h.service_name,
    h.instance,
    list_concat(l.betweens_us, l.withins_us) as intervals_us,
    l.longest_us,
    (
        epoch_us(least(coalesce(cast($until as timestamptz), $now), $now))
        - epoch_us(h.last_at)
    ) as quiet_us
from heard as h
join learnt as l using (sender)
order by h.sender
