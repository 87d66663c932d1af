-- What each agent's calls of models cost in a period, by whole hours.
-- Bound: $since, $until (timestamptz).
select
    agent,
    bool_or(sample) as sample,
    sum(calls)::bigint as calls,
    sum(unpriced_calls)::bigint as unpriced_calls,
    sum(cost_usd) as cost_usd
from costs
where hour >= date_trunc('hour', cast($since as timestamptz)) and hour < $until
group by agent
order by agent;
