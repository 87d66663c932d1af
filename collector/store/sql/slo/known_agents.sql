-- Every agent that ran, acted or was judged, and whether it is part of the sample fleet.
-- Bound: nothing.
with
    seen as (
        select agent, sample from run
        union all
        select agent, sample from action
        union all
        select agent, sample from decision
    )
select agent, bool_or(sample) as sample
from seen
group by agent
order by agent
