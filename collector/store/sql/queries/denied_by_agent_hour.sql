-- How many decisions of each agent were denials, hour by hour.
-- Whole steps of five minutes come from the rollups, both ends of the period from the rows.
-- Bound: $since, $until, $rolled_from, $rolled_until (timestamptz).
with
    judged as (
        select agent, verdict, decided_in as told_at, decisions
        from named_decision_rollup
        where decided_in >= $rolled_from and decided_in < $rolled_until
        union all by name
        select agent, verdict, decided_at as told_at, 1 as decisions
        from named_decision
        where decided_at >= $since and decided_at < $rolled_from
        union all by name
        select agent, verdict, decided_at as told_at, 1 as decisions
        from named_decision
        where decided_at >= $rolled_until and decided_at < $until
    )
select
    agent,
    time_bucket(interval 1 hour, told_at) as hour,
    sum(decisions)::bigint as decisions,
    coalesce(sum(decisions) filter (where verdict = 'deny'), 0)::bigint as denied
from judged
group by agent, hour
having sum(decisions) > 0
order by agent, hour
