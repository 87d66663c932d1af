-- Everything that one decision was made of: who, with which trust, by which policy and rule, about
-- what, under which holds and judgements, and what became of it. As far as it was known at a moment.
-- Bound: $decision_id, $known_at (timestamptz or null), $now.
with
    one as (
        select *
        from named_decision
        where decision_id = $decision_id and known(received_at, decided_at, coalesce($known_at, $now))
    ),
    scored as (
        select
            arg_max(t.score, (t.scored_ns, t.sequence)) as score,
            arg_max(t.tier, (t.scored_ns, t.sequence)) as tier,
            arg_max(t.origin, (t.scored_ns, t.sequence)) as origin,
            max(t.scored_at) as scored_at
        from named_trust_point as t
        inner join one as d on d.agent = t.agent and t.scored_ns <= d.decided_ns
        where known(t.received_at, t.scored_at, coalesce($known_at, $now))
    ),
    held as (
        select list(
            struct_pack(hold_id := h.hold_id, kind := h.kind, since := h.since, reason := h.reason)
            order by h.since, h.hold_id
        ) as holds
        from one as d
        inner join holds_as_of((select decided_at from one), coalesce($known_at, $now)) as h on h.agent = d.agent
    ),
    budgeted as (
        select list(
            struct_pack(objective := b.objective, state := b.state, budget_left := b.budget_left, judged_at := b.judged_at)
            order by b.objective
        ) as objectives
        from one as d
        inner join budgets_as_of((select decided_at from one), coalesce($known_at, $now)) as b on b.agent = d.agent
    ),
    named as (
        select list(distinct a.alias order by a.alias) as aliases
        from one as d
        inner join agent_alias as a on a.agent = d.agent
    ),
    acted as (
        select a.kind, a.name, a.outcome, a.duration_ms, a.error_type
        from one as d
        inner join named_action as a
            on a.decision_id = d.decision_id
            and a.started_at between d.decided_at - interval 1 day and d.decided_at + interval 1 day
        order by a.started_at, a.span_id
        limit 1
    )
select
    d.decision_id,
    d.decided_at,
    d.received_at,
    d.sequence,
    d.agent,
    d.agent_id,
    n.aliases,
    d.instance,
    d.environment,
    d.sample,
    d.action,
    d.verdict,
    d.effect,
    d.stage,
    d.mode,
    d.source,
    d.policy,
    d.rule,
    d.reason_code,
    d.reason,
    s.score as trust,
    s.tier,
    s.origin as trust_origin,
    s.scored_at,
    h.holds,
    b.objectives,
    a.kind as action_kind,
    a.outcome as action_outcome,
    a.duration_ms as action_duration_ms,
    a.error_type as action_error,
    d.hold_id,
    d.command_id,
    lower(hex(d.trace_id)) as trace_id,
    lower(hex(d.span_id)) as span_id,
    d.dialect,
    d.raw_verdict,
    d.told_by,
    d.policy_version,
    d.engine,
    d.agent_version,
    d.conversation_id,
    d.tool_call_id,
    d.user_id,
    d.target_type,
    d.target_name,
    d.target_tier,
    d.risk_category,
    d.risk_score,
    d.approval_id,
    d.approval_outcome,
    d.approver,
    d.input_hash,
    d.duration_ms,
    d.error_type,
    d.state_gen,
    d.state_epoch
from one as d
cross join scored as s
cross join held as h
cross join budgeted as b
cross join named as n
left join acted as a on true
