-- Decisions by verdict in equal steps of time.
-- Bound: $since, $until (timestamptz), $agent (or null), $bucket_s (seconds).
select
    time_bucket(to_seconds($bucket_s), decided_at) as bucket,
    verdict,
    count(*) as decisions
from named_decision
where decided_at >= $since and decided_at < $until and ($agent is null or agent = $agent)
group by bucket, verdict
order by bucket, verdict
