-- Steps of time in which something is counted in more than one row, the newest first.
-- Bound: $most (how many steps).
create or replace temp table crowded as
with
    counted as (
        select decided_in, count(*) as parts
        from decision_rollup
        group by
            decided_in,
            agent,
            environment,
            source,
            policy,
            reason,
            verdict
    )
select decided_in as step
from counted
group by decided_in
having max(parts) > 1
order by step desc
limit $most;
