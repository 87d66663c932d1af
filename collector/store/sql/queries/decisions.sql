-- Single decisions, newest first.
-- Bound: $since, $until (timestamptz), $agent, $verdict, $text, $before_ns (or null), $limit.
-- Chosen by few columns first: to read every decision whole takes several times as long.
with
    chosen as (
        select d.rowid as place
        from decision as d
        left join agent_names as n on n.alias = d.agent
        where
            d.decided_at >= $since
            and d.decided_at < $until
            and ($agent is null or coalesce(n.agent, d.agent) = $agent)
            and ($verdict is null or d.verdict = $verdict)
            and ($before_ns is null or d.decided_ns < $before_ns)
            and (
                $text is null
                or contains(
                    lower(
                        concat_ws(
                            ' ',
                            d.decision_id,
                            coalesce(n.agent, d.agent),
                            d.action,
                            d.policy,
                            d.rule,
                            d.reason_code,
                            d.reason
                        )
                    ),
                    lower($text)
                )
            )
        order by d.decided_ns desc, d.decision_id
        limit $limit
    ),
    page as (
        select *
        from decision
        where rowid in (select place from chosen)
    )
select
    decision_id,
    decided_at,
    decided_ns,
    coalesce(n.agent, p.agent) as agent,
    coalesce(p.agent_id, n.alias) as agent_id,
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
from page as p
left join agent_names as n on n.alias = p.agent
order by decided_ns desc, decision_id
