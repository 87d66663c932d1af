-- Steps of time in which something is counted in more than one row, the newest first.
-- Bound: $most (how many steps).
create or replace temp table crowded as
with
    counted as (
        select started_in, count(*) as parts
        from call_rollup
        group by
            started_in,
            agent,
            framework,
            sample,
            kind,
            name,
            matched_by,
            decision_mode
    )
select started_in as step
from counted
group by started_in
having max(parts) > 1
order by step desc
limit $most;
