-- What became of actions that were allowed, by agent, policy and rule. later_denied: another decision
-- stopped it. never_executed: its run ended, or six hours went by, and no such call was told.
-- open: it may still come. not_traced: the decision names no trace and no call near it fits.
-- Bound: $since, $until, $now (timestamptz), $agent (or null).
with
    allowed as (
        select decision_id, agent, policy, rule, action, sample, trace_id, decided_at
        from named_decision
        where
            decided_at >= $since
            and decided_at < $until
            and verdict in ('allow', 'warn', 'modify')
            and action is not null
            and ($agent is null or agent = $agent)
    ),
    called as (
        select decision_id, outcome, duration_ms, input_tokens, output_tokens, cost_usd
        from coverage_between($since - interval 6 hours, $until + interval 6 hours)
        where decision_id is not null
    ),
    traces as (
        select trace_id
        from allowed
        where trace_id is not null
    ),
    stopped as (
        select distinct trace_id, name
        from named_action
        where
            outcome = 'denied'
            and started_at >= $since - interval 6 hours
            and started_at < $until + interval 6 hours
            and trace_id in (select trace_id from traces)
    ),
    ended as (
        select trace_id
        from named_run
        where
            started_at >= $since - interval 6 hours
            and started_at < $until + interval 6 hours
            and trace_id in (select trace_id from traces)
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
                when s.trace_id is not null then 'later_denied'
                when a.trace_id is null then 'not_traced'
                when e.trace_id is not null or a.decided_at < $now - interval 6 hours then 'never_executed'
                else 'open'
            end as became
        from allowed as a
        left join called as c on c.decision_id = a.decision_id
        left join stopped as s on s.trace_id = a.trace_id and s.name = a.action
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
