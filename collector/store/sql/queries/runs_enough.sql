-- Since when there were at least $limit runs, as the rollups tell, and how many; null when there
-- never were.
-- Bound: $since, $end (timestamptz), $agent (or null), $limit.
with
    step as (
        select started_in, sum(events) as events
        from named_event_rollup
        where
            signal = 'runs'
            and started_in >= $since
            and started_in < $end
            and ($agent is null or agent = $agent)
        group by started_in
    ),
    behind as (
        select started_in, sum(events) over (order by started_in desc) as events
        from step
    )
select max(started_in) as start_at, min(events)::bigint as events
from behind
where events > $limit
