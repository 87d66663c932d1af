-- Steps of time in which something is counted in more than one row, the newest first.
-- Bound: $most (how many steps).
create or replace temp table crowded as
with
    counted as (
        select seen_in, count(*) as parts
        from component_rollup
        group by
            seen_in,
            agent,
            sample,
            kind,
            name,
            version,
            origin
    )
select seen_in as step
from counted
group by seen_in
having max(parts) > 1
order by step desc
limit $most;
