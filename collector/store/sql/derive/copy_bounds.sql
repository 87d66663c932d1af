-- Whether decisions or scores were told lately in a dialect that repeats itself, and when; and
-- whether in one that is told by attributes of spans and by events.
-- Bound: $behind (how many log records behind the position still count as lately).
with
    lately as (
        select coalesce(max(sequence), 0)::bigint - $behind as sequence
        from position
    ),
    told as (
        select decided_ns as told_ns, dialect in ('otel_guardrail', 'otel_threat') as on_spans
        from decision
        where
            sequence > (select sequence from lately)
            and dialect in ('agt', 'agt_copy', 'agt_bridge', 'otel_guardrail', 'otel_threat', 'owasp_acs')
        union all
        select scored_ns as told_ns, false as on_spans
        from trust_point
        where
            sequence > (select sequence from lately)
            and split_part(reason, ' ', 1) in ('changed', 'verified', 'evaluated')
    )
select
    min(told_ns) as earliest_ns,
    max(told_ns) as latest_ns,
    bool_or(on_spans) as on_spans
from told;
