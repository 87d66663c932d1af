-- Why decisions fell as they did, the most frequent reason first; null where no reason was told.
-- Whole steps of five minutes come from the rollups, both ends of the period from the rows.
-- Bound: $since, $until, $rolled_from, $rolled_until (timestamptz), $agent (or null).
with
    judged as (
        select agent, verdict, reason, decisions
        from named_decision_rollup
        where decided_in >= $rolled_from and decided_in < $rolled_until
        union all by name
        select agent, verdict, coalesce(rule, reason_code, policy) as reason, 1 as decisions
        from named_decision
        where decided_at >= $since and decided_at < $rolled_from
        union all by name
        select agent, verdict, coalesce(rule, reason_code, policy) as reason, 1 as decisions
        from named_decision
        where decided_at >= $rolled_until and decided_at < $until
    )
select verdict, reason, sum(decisions)::bigint as decisions
from judged
where $agent is null or agent = $agent
group by all
having sum(decisions) > 0
order by decisions desc, verdict, reason
