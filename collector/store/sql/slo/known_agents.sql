-- Every agent that ran, acted or was judged, and whether it is part of the sample fleet.
-- Bound: nothing.
with
    seen as (
        select agent, sample from named_run
        union all
        select agent, sample from named_action
        union all
        select agent, sample from named_decision
    )
select agent, bool_or(sample) as sample
from seen
group by agent
order by agent
