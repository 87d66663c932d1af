-- The counts of runs and actions of crowded steps added up.
-- Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
select
    signal,
    started_in,
    ended_in,
    agent,
    environment,
    kind,
    outcome,
    sum(events)::bigint as events,
    max(longest_us) as longest_us
from event_rollup
where started_in in (select step from crowded)
group by all
having sum(events) <> 0
order by started_in, signal, agent;
