-- Takes back decisions that somebody told better within a second, where the two have no id in
-- common. An audit entry gives way to a span of the same sender, agent, action, verdict and rule.
-- What the toolkit tells by itself gives way to what the bridge in its process tells: same agent
-- and verdict, and no other rule; of the same action, or in the same trace, as the toolkit's
-- spans do not all name the action. A decision told on the very span that surrounded it is one.
-- Counters always tell a mode; nothing else of the toolkit does, and the bridge repeats none.
-- A log record of an event gives way to the same event on its span, where more is known.
-- Remembers them as what changed.
-- Bound: $since_ns, $until_ns (bigint).
create or replace temp table changed_decision as
with
    bridged as (
        select
            coalesce(agent_id, agent) as who,
            verdict,
            decided_ns,
            instance,
            action,
            rule,
            trace_id,
            span_id,
            unnest([-1, 0, 1]) + decided_ns // 1000000000 as near_second
        from decision
        where dialect = 'agt_bridge' and decided_ns between $since_ns and $until_ns
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
                                from decision as told
                                where
                                    told.dialect = 'agt'
                                    and told.decided_ns between $since_ns and $until_ns
                                    and told.span_id is not null
                                    and told.instance is not distinct from copy.instance
                                    and told.agent = copy.agent
                                    and told.action = copy.action
                                    and told.raw_verdict = copy.raw_verdict
                                    and told.rule is not distinct from copy.rule
                                    and abs(told.decided_ns - copy.decided_ns) < 1000000000
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
                                    and (
                                        coalesce(told.action = copy.action, true)
                                        or coalesce(told.trace_id = copy.trace_id, false)
                                    )
                                    and abs(told.decided_ns - copy.decided_ns) < 1000000000
                            )
                        )
                        or exists (
                            from bridged as told
                            where told.trace_id = copy.trace_id and told.span_id = copy.span_id
                        )
                    )
                )
                or (
                    copy.told_by = 'log'
                    and copy.dialect in ('otel_guardrail', 'otel_threat', 'owasp_acs')
                    and exists (
                        from decision as told
                        where
                            told.dialect = copy.dialect
                            and told.told_by = 'span_event'
                            and told.decided_ns between $since_ns and $until_ns
                            and told.trace_id = copy.trace_id
                            and told.span_id = copy.span_id
                            and told.raw_verdict = copy.raw_verdict
                            and told.rule is not distinct from copy.rule
                            and told.policy is not distinct from copy.policy
                            and abs(told.decided_ns - copy.decided_ns) < 1000000000
                    )
                )
            )
        returning *
    )
select *, -1::bigint as decisions
from gone;
