-- How many governance events of each kind happened to each agent over time. Of more than 12 agents
-- the rest are counted together: their agent is null and is_other is true.
-- Bound: $since, $until (timestamptz), $bucket_s (seconds), $agent, $kind (or null).
with
    happened as (
        select time_bucket(to_seconds($bucket_s), told_at) as bucket, agent, kind
        from governance_events
        where
            told_at >= $since
            and told_at < $until
            and ($agent is null or agent = $agent)
            and ($kind is null or kind = $kind)
    ),
    ranked as (
        select agent, row_number() over (order by count(*) desc, agent) > 12 as is_other
        from happened
        group by agent
    )
select
    h.bucket,
    case when not r.is_other then h.agent end as agent,
    r.is_other,
    h.kind,
    count(*) as events
from happened as h
join ranked as r on r.agent is not distinct from h.agent
group by all
order by h.bucket, r.is_other, agent, h.kind
