-- When the $limit newest runs since $since began, the first of them; null when there were none.
-- Bound: $since, $end (timestamptz), $agent (or null), $limit.
with
    newest as (
        select started_at
        from named_run
        where started_at >= $since and started_at < $end and ($agent is null or agent = $agent)
        order by started_at desc
        limit $limit
    )
select min(started_at) as start_at
from newest
