-- What became of actions that were allowed, by agent, policy and rule. later_denied: another decision
-- stopped it. never_executed: its run ended, or six hours went by, and no such call was told.
-- open: it may still come. not_traced: the decision names no trace and no call near it fits.
-- Several decisions may be about one call, which then carries one of them: the others became what
-- became of the nearest call of that name in their trace.
-- Bound: $since, $until, $now (timestamptz), $agent (or null).
with
    allowed as (
        select decision_id, agent, policy, rule, action, sample, trace_id, decided_at, decided_ns
        from named_decision
        where
            decided_at >= $since
            and decided_at < $until
            and verdict in ('allow', 'warn', 'modify')
            and action is not null
            and ($agent is null or agent = $agent)
    ),
    decided as (
        select decision_id, trace_id, name, model, start_ns, outcome, duration_ms, input_tokens, output_tokens, cost_usd
        from action
        where
            decision_id is not null
            and started_at >= $since - interval 6 hours
            and started_at < $until + interval 6 hours
    ),
    own as (
        select a.decision_id, d.outcome, d.duration_ms, d.input_tokens, d.output_tokens, d.cost_usd
        from allowed as a
        inner join decided as d on d.decision_id = a.decision_id
    ),
    other as (
        select *
        from allowed
        where trace_id is not null and decision_id not in (select decision_id from own)
    ),
    shared as (
        select o.decision_id, d.outcome, null::double as duration_ms, null::bigint as input_tokens, null::bigint as output_tokens, null::double as cost_usd
        from other as o
        inner join decided as d on d.trace_id = o.trace_id and (d.name = o.action or d.model = o.action)
        qualify row_number() over (partition by o.decision_id order by abs(d.start_ns - o.decided_ns), d.start_ns, d.decision_id) = 1
    ),
    called as (
        select *
        from own
        union all
        select *
        from shared
    ),
    ended as (
        select trace_id
        from named_run
        where
            started_at >= $since - interval 6 hours
            and started_at < $until + interval 6 hours
            and trace_id in (select trace_id from other)
        group by trace_id
        having bool_and(ended_by is not null)
    ),
    became as (
        select
            a.agent,
            a.policy,
            a.rule,
            a.sample,
            c.duration_ms,
            c.input_tokens,
            c.output_tokens,
            c.cost_usd,
            case
                when c.outcome = 'denied' then 'later_denied'
                when c.outcome is not null then c.outcome
                when a.trace_id is null then 'not_traced'
                when e.trace_id is not null or a.decided_at < $now - interval 6 hours then 'never_executed'
                else 'open'
            end as became
        from allowed as a
        left join called as c on c.decision_id = a.decision_id
        left join ended as e on e.trace_id = a.trace_id
    )
select
    agent,
    policy,
    rule,
    count(*) as allowed,
    count(*) filter (where became = 'ok') as ok,
    count(*) filter (where became = 'error') as error,
    count(*) filter (where became = 'later_denied') as later_denied,
    count(*) filter (where became = 'never_executed') as never_executed,
    count(*) filter (where became = 'open') as open,
    count(*) filter (where became = 'unknown') as unknown,
    count(*) filter (where became = 'not_traced') as not_traced,
    quantile_cont(duration_ms, 0.5) as p50_ms,
    quantile_cont(duration_ms, 0.95) as p95_ms,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cost_usd) as cost_usd,
    bool_or(sample) as sample
from became
group by agent, policy, rule
order by allowed desc, agent, policy, rule
