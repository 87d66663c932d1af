-- Note what a part changed. Bound: $job_id; reads the temporary table repriced.
insert into reprice_change
select
    $job_id,
    model,
    provider,
    count(*) as calls,
    count(*) filter (where cost_before_usd is null) as unpriced_before,
    count(*) filter (where cost_usd is null) as unpriced_after,
    coalesce(sum(cost_before_usd::decimal(25, 12)), 0) as usd_before,
    coalesce(sum(cost_usd::decimal(25, 12)), 0) as usd_after
from repriced
group by model, provider;
