-- The calls of crowded steps added up. Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
select
    started_in,
    agent,
    framework,
    sample,
    kind,
    name,
    matched_by,
    decision_mode,
    sum(calls)::bigint as calls
from call_rollup
where started_in in (select step from crowded)
group by all
having sum(calls) <> 0
order by started_in, agent, kind, name;
