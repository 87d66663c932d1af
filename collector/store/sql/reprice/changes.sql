-- What a job changed by model, the largest change first. Bound: $job_id.
select
    model,
    provider,
    sum(calls)::bigint as calls,
    sum(unpriced_before)::bigint as unpriced_before,
    sum(unpriced_after)::bigint as unpriced_after,
    sum(usd_before)::double as usd_before,
    sum(usd_after)::double as usd_after
from reprice_change
where job_id = $job_id
group by model, provider
order by abs(sum(usd_after) - sum(usd_before)) desc, model, provider;
