-- Since when there were at least $limit decisions, as the rollups tell; null when there never were.
-- Bound: $since, $end (timestamptz), $agent, $verdict (or null), $limit.
with
    step as (
        select decided_in, sum(decisions) as decisions
        from named_decision_rollup
        where
            decided_in >= $since
            and decided_in < $end
            and ($agent is null or agent = $agent)
            and ($verdict is null or verdict = $verdict)
        group by decided_in
    ),
    behind as (
        select decided_in, sum(decisions) over (order by decided_in desc) as decisions
        from step
    )
select max(decided_in) as start_at
from behind
where decisions > $limit
