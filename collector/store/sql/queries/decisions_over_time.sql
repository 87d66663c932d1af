-- Decisions by verdict in equal steps of time.
-- Whole steps of five minutes come from the rollups, both ends of the period from the rows.
-- Bound: $since, $until, $rolled_from, $rolled_until (timestamptz), $agent (or null), $bucket_s (seconds).
with
    judged as (
        select agent, verdict, decided_in as told_at, decisions
        from named_decision_rollup
        where decided_in >= $rolled_from and decided_in < $rolled_until
        union all by name
        select agent, verdict, decided_at as told_at, 1 as decisions
        from named_decision
        where decided_at >= $since and decided_at < $rolled_from
        union all by name
        select agent, verdict, decided_at as told_at, 1 as decisions
        from named_decision
        where decided_at >= $rolled_until and decided_at < $until
    )
select
    time_bucket(to_seconds($bucket_s), told_at) as bucket,
    verdict,
    sum(decisions)::bigint as decisions
from judged
where $agent is null or agent = $agent
group by bucket, verdict
having sum(decisions) > 0
order by bucket, verdict
