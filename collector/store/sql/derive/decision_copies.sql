-- Takes back decisions that somebody told better within a second, where the two have no id in
-- common. An audit entry gives way to a span of the same sender, agent, action, verdict and rule.
-- What the toolkit tells by itself gives way to what the bridge in its process tells: same agent
-- and verdict, and no other rule; of the same action, or in the same trace, as the toolkit's
-- spans do not all name the action. A decision told on the very span that surrounded it is one.
-- Counters always tell a mode; nothing else of the toolkit does, and the bridge repeats none.
-- A log record of an event gives way to the same event on its span, where more is known.
-- What was told in one second in equal words is compared once, by its first and last moment, so that
-- a flood of it costs no square. Remembers what went as what changed.
-- Bound: $since_ns, $until_ns (bigint).
create or replace temp table changed_decision as
with
    recent as (
        select
            coalesce(agent_id, agent) as who,
            agent,
            verdict,
            raw_verdict,
            instance,
            action,
            rule,
            policy,
            dialect,
            told_by,
            trace_id,
            span_id,
            decided_ns,
            decided_ns // 1000000000 as second
        from decision
        where
            decided_ns between $since_ns and $until_ns
            and (dialect in ('agt', 'agt_bridge') or told_by = 'span_event')
    ),
    on_span as (
        select
            instance,
            agent,
            action,
            raw_verdict,
            rule,
            min(decided_ns) as first_ns,
            max(decided_ns) as last_ns,
            unnest([second - 1, second, second + 1]) as near_second
        from recent
        where dialect = 'agt' and span_id is not null
        group by instance, agent, action, raw_verdict, rule, second
    ),
    bridged as (
        select
            who,
            verdict,
            instance,
            action,
            rule,
            min(decided_ns) as first_ns,
            max(decided_ns) as last_ns,
            unnest([second - 1, second, second + 1]) as near_second
        from recent
        where dialect = 'agt_bridge'
        group by who, verdict, instance, action, rule, second
    ),
    bridged_trace as (
        select
            who,
            verdict,
            instance,
            trace_id,
            rule,
            min(decided_ns) as first_ns,
            max(decided_ns) as last_ns,
            unnest([second - 1, second, second + 1]) as near_second
        from recent
        where dialect = 'agt_bridge' and trace_id is not null
        group by who, verdict, instance, trace_id, rule, second
    ),
    bridged_span as (
        select distinct trace_id, span_id
        from recent
        where dialect = 'agt_bridge'
    ),
    on_event as (
        select
            dialect,
            trace_id,
            span_id,
            raw_verdict,
            rule,
            policy,
            min(decided_ns) as first_ns,
            max(decided_ns) as last_ns,
            unnest([second - 1, second, second + 1]) as near_second
        from recent
        where told_by = 'span_event'
        group by dialect, trace_id, span_id, raw_verdict, rule, policy, second
    ),
    gone as (
        delete from decision as copy
        where
            copy.decided_ns between $since_ns and $until_ns
            and (
                (
                    copy.dialect in ('agt', 'agt_copy')
                    and (
                        (
                            copy.dialect = 'agt_copy'
                            and exists (
                                from on_span as told
                                where
                                    told.near_second = copy.decided_ns // 1000000000
                                    and told.instance is not distinct from copy.instance
                                    and told.agent = copy.agent
                                    and told.action = copy.action
                                    and told.raw_verdict = copy.raw_verdict
                                    and told.rule is not distinct from copy.rule
                                    and told.first_ns - copy.decided_ns < 1000000000
                                    and copy.decided_ns - told.last_ns < 1000000000
                            )
                        )
                        or (
                            copy.mode is null
                            and exists (
                                from bridged as told
                                where
                                    told.near_second = copy.decided_ns // 1000000000
                                    and told.who = coalesce(copy.agent_id, copy.agent)
                                    and told.verdict = copy.verdict
                                    and coalesce(told.instance = copy.instance, true)
                                    and coalesce(told.rule = copy.rule, true)
                                    and coalesce(told.action = copy.action, true)
                                    and told.first_ns - copy.decided_ns < 1000000000
                                    and copy.decided_ns - told.last_ns < 1000000000
                            )
                        )
                        or (
                            copy.mode is null
                            and exists (
                                from bridged_trace as told
                                where
                                    told.near_second = copy.decided_ns // 1000000000
                                    and told.who = coalesce(copy.agent_id, copy.agent)
                                    and told.verdict = copy.verdict
                                    and told.trace_id = copy.trace_id
                                    and coalesce(told.instance = copy.instance, true)
                                    and coalesce(told.rule = copy.rule, true)
                                    and told.first_ns - copy.decided_ns < 1000000000
                                    and copy.decided_ns - told.last_ns < 1000000000
                            )
                        )
                        or exists (
                            from bridged_span as told
                            where told.trace_id = copy.trace_id and told.span_id = copy.span_id
                        )
                    )
                )
                or (
                    copy.told_by = 'log'
                    and copy.dialect in ('otel_guardrail', 'otel_threat', 'owasp_acs')
                    and exists (
                        from on_event as told
                        where
                            told.near_second = copy.decided_ns // 1000000000
                            and told.dialect = copy.dialect
                            and told.trace_id = copy.trace_id
                            and told.span_id = copy.span_id
                            and told.raw_verdict = copy.raw_verdict
                            and told.rule is not distinct from copy.rule
                            and told.policy is not distinct from copy.policy
                            and told.first_ns - copy.decided_ns < 1000000000
                            and copy.decided_ns - told.last_ns < 1000000000
                    )
                )
            )
        returning *
    )
select *, -1::bigint as decisions
from gone;
