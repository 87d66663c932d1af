-- The counts of decisions of crowded steps added up.
-- Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
select
    decided_in,
    agent,
    environment,
    source,
    policy,
    reason,
    verdict,
    sum(decisions)::bigint as decisions
from decision_rollup
where decided_in in (select step from crowded)
group by all
having sum(decisions) <> 0
order by decided_in, agent;
