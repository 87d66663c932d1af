-- The uses of components of crowded steps added up.
-- Bound: nothing; reads the temporary table crowded.
create or replace temp table summed as
select
    seen_in,
    agent,
    sample,
    kind,
    name,
    version,
    origin,
    sum(events)::bigint as events
from component_rollup
where seen_in in (select step from crowded)
group by all
having sum(events) <> 0
order by seen_in, agent, kind;
