-- How many decisions of each agent were denials, hour by hour.
-- Bound: $since, $until (timestamptz).
select
    agent,
    date_trunc('hour', decided_at) as hour,
    count(*) as decisions,
    count(*) filter (where verdict = 'deny') as denied
from named_decision
where decided_at >= $since and decided_at < $until
group by agent, hour
order by agent, hour
