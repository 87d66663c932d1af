-- Why decisions fell as they did, the most frequent reason first; null where no reason was told.
-- Bound: $since, $until (timestamptz), $agent (or null).
select
    verdict,
    coalesce(rule, reason_code, policy) as reason,
    count(*) as decisions
from named_decision
where decided_at >= $since and decided_at < $until and ($agent is null or agent = $agent)
group by all
order by decisions desc, verdict, reason
