-- Actions that went through although they were denied, waited for an approval that never came, or were
-- under a hold that forbade them, with the evidence of both sides. Only a span that looks fine counts as gone through.
-- proven: nothing but the action explains the evidence. suspected: a refusal may look like it, and
-- reason says which: a denial told from within the call, a framework that leaves a span that looks
-- fine for a refused call, or a match by name or time alone. A call refused by Watchkeeper's own client is
-- none: the client blocks in the process, and the span is the refusal itself.
create or replace macro bypasses_between(since_at, until_at) as table
with
    standing as materialized (
        select
            c.command_id,
            c.hold_id,
            c.kind,
            coalesce(n.agent, c.agent) as agent,
            least(c.released_at, c.expired_at, c.expires_at) as stood_until,
            c.profile
        from commands as c
        left join agent_names as n on n.alias = c.agent
        where (c.kind in ('kill', 'pause') or (c.kind = 'degrade' and c.profile is not null)) and c.signed_at < until_at
    ),
    -- Read twice for few rows each: materialized, it would be the whole period.
    went as not materialized (
        select *
        from coverage_between(since_at, until_at)
        where coalesce(span_outcome, outcome) = 'ok'
    ),
    decided as (
        select
            w.*,
            d.verdict,
            d.effect,
            d.decided_at,
            d.decided_ns,
            d.policy,
            d.rule,
            d.approval_id,
            d.approval_outcome,
            d.hold_id as decision_hold_id,
            d.span_id as decision_span_id,
            d.verdict in ('escalate', 'defer') or d.effect = 'held' as waits
        from went as w
        inner join named_decision as d on d.decision_id = w.decision_id
        where
            w.refused is distinct from false
            and w.decision_id is not null
            and is_refusal(d.verdict, d.effect, d.mode, d.dialect)
            and d.decided_at >= since_at - interval 1 day
            and d.decided_at < until_at + interval 1 day
    ),
    answer as (
        select
            d.trace_id,
            d.span_id,
            bool_or(a.approval_outcome = 'approved') as approved,
            arg_max(a.approval_outcome, a.decided_ns) as answered
        from decided as d
        inner join named_decision as a
            on a.agent = d.agent
            and a.approval_outcome is not null
            and (a.decision_id = d.decision_id or a.approval_id = d.approval_id or (d.approval_id is null and a.action = d.name))
            and a.decided_at >= d.decided_at - interval 1 second
            and a.decided_ns <= d.start_ns + cast(coalesce(d.duration_ms, 0) * 1000000 as bigint)
        where d.waits and a.decided_at >= since_at - interval 1 day
        group by d.trace_id, d.span_id
    ),
    judged as (
        select
            d.*,
            case when d.waits then 'unapproved' else 'denied' end as bypass,
            a.answered,
            case
                when d.effect = 'executed' then null
                when d.matched_by = 'time' then 'the decision was matched by name and time alone'
                when d.framework in ('openai-agents', 'semantic-kernel', 'ag2', 'autogen', 'crewai')
                then d.framework || ' leaves a span that looks fine for a refused call'
                when d.decided_ns >= d.start_ns then 'the decision was told from within the call, whose span may be the refusal'
                when d.matched_by = 'name' then 'the decision was matched by name alone'
            end as doubt
        from decided as d
        left join answer as a on a.trace_id = d.trace_id and a.span_id = d.span_id
        where not coalesce(a.approved, false)
    ),
    answered as (
        select hold_id, instance, min(acked_at) as acked_at
        from acknowledgements
        where status is null or status not in ('rejected', 'failed')
        group by hold_id, instance
    ),
    all_answered as (
        select hold_id, max(acked_at) as acked_at
        from answered
        group by hold_id
    ),
    held as (
        select
            w.*,
            s.hold_id,
            s.command_id,
            s.kind as hold_kind,
            coalesce(i.acked_at, l.acked_at) as acked_at,
            case
                when i.hold_id is null then 'the action does not say which instance it was'
                when s.kind = 'degrade' and w.kind = 'model' then 'the span may name the model as it was before the profile replaced it'
            end as doubt
        from went as w
        inner join standing as s on s.agent = w.agent
        inner join all_answered as l on l.hold_id = s.hold_id
        left join answered as i on i.hold_id = s.hold_id and i.instance = w.instance
        where
            w.outcome = 'ok'
            and (s.stood_until is null or s.stood_until > since_at)
            and (s.kind <> 'degrade' or takes_away(s.profile, w.kind, w.name))
            and w.started_at > coalesce(i.acked_at, l.acked_at) + interval 1 second
            and (s.stood_until is null or w.started_at < s.stood_until)
            and (i.hold_id is not null or w.instance is null)
    ),
    found as (
        select
            bypass,
            case when doubt is null then 'proven' else 'suspected' end as certainty,
            case
                when bypass = 'denied' then 'denied, and yet executed'
                when answered = 'rejected' then 'the approval was rejected, and yet executed'
                when answered = 'timeout' then 'nobody answered in time, and yet executed'
                else 'executed without the approval it needed'
            end || coalesce(': ' || doubt, '') as reason,
            * exclude (bypass, doubt, answered)
        from judged
        union all by name
        select
            'hold' as bypass,
            case when doubt is null then 'proven' else 'suspected' end as certainty,
            'executed although a ' || hold_kind || ' was acknowledged' || coalesce(': ' || doubt, '') as reason,
            * exclude (doubt)
        from held
    )
select
    bypass,
    certainty,
    reason,
    agent,
    instance,
    framework,
    environment,
    sample,
    kind,
    name,
    started_at,
    start_ns,
    duration_ms,
    trace_id,
    span_id,
    decision_id,
    matched_by,
    verdict,
    effect,
    decided_at,
    policy,
    rule,
    coalesce(hold_id, decision_hold_id) as hold_id,
    command_id,
    acked_at
from found;
