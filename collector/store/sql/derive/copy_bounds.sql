-- Whether decisions or scores were told lately in a dialect that repeats itself, and when.
-- Bound: $behind (how many log records behind the position still count as lately).
with
    lately as (
        select coalesce(max(sequence), 0)::bigint - $behind as sequence
        from position
    ),
    told as (
        select decided_ns as told_ns
        from decision
        where
            sequence > (select sequence from lately)
            and dialect in ('agt', 'agt_copy', 'agt_bridge', 'otel_guardrail', 'otel_threat', 'owasp_acs')
        union all
        select scored_ns as told_ns
        from trust_point
        where
            sequence > (select sequence from lately)
            and split_part(reason, ' ', 1) in ('changed', 'verified', 'evaluated')
    )
select
    min(told_ns) as earliest_ns,
    max(told_ns) as latest_ns
from told;
