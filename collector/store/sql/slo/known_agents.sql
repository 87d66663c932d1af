-- Every agent that ran, acted or was judged, and whether it is part of the sample fleet.
-- Bound: nothing.
with
    seen as (
        select agent, sample
        from agent_rollup
        group by agent, sample
        having sum(events) > 0
    )
select coalesce(n.agent, s.agent) as agent, bool_or(s.sample) as sample
from seen as s
left join agent_names as n on n.alias = s.agent
group by all
order by agent
