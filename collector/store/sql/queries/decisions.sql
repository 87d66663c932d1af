-- Single decisions, newest first.
-- Bound: $since, $until (timestamptz), $agent, $verdict, $text, $before_ns (or null), $limit.
with
    page as (
        select *
        from decision
        where
            decided_at >= $since
            and decided_at < $until
            and ($agent is null or agent = $agent)
            and ($verdict is null or verdict = $verdict)
            and ($before_ns is null or decided_ns < $before_ns)
            and (
                $text is null
                or contains(
                    lower(concat_ws(' ', decision_id, agent, action, policy, rule, reason_code, reason)),
                    lower($text)
                )
            )
        order by decided_ns desc, decision_id
        limit $limit
    )
select
    decision_id,
    decided_at,
    decided_ns,
    agent,
    agent_id,
    instance,
    environment,
    sample,
    action,
    verdict,
    effect,
    stage,
    mode,
    source,
    policy,
    rule,
    reason_code,
    reason,
    hold_id,
    command_id,
    lower(hex(trace_id)) as trace_id,
    lower(hex(span_id)) as span_id,
    dialect,
    raw_verdict
from page
order by decided_ns desc, decision_id
