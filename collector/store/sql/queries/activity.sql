-- What one agent did in equal steps of time; steps in which nothing was told are absent.
-- Bound: $agent, $since, $until (timestamptz), $bucket_s (seconds).
with
    acted as (
        select
            time_bucket(to_seconds($bucket_s), started_at) as bucket,
            count(*) as actions,
            count(*) filter (where outcome = 'error') as errors
        from named_action
        where agent = $agent and started_at >= $since and started_at < $until
        group by bucket
    ),
    judged as (
        select
            time_bucket(to_seconds($bucket_s), decided_at) as bucket,
            count(*) filter (where verdict = 'deny') as denied
        from named_decision
        where agent = $agent and decided_at >= $since and decided_at < $until
        group by bucket
    )
select bucket, actions, errors, denied
from acted
full join judged using (bucket)
order by bucket
