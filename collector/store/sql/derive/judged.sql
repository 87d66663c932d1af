-- Decisions in the touched traces, with the call each was about and how that is known (matched_by):
-- span: it names the call's span, or one within it; tool_call_id; name: a call of that name in the
-- trace, of calls and decisions of one name each with the nearest before it that is still free.
-- A decision that is left over concerns the nearest call of its name, by the same agent or by
-- whichever there is; a refusal only when nobody else decided about that call.
-- time: a decision outside of any trace, as matching found it.
-- Bound: $since, $until (timestamptz); reads the temporary tables called and descent.
create or replace temp table judged as
with
    traced as (
        select
            decision_id,
            trace_id,
            span_id,
            tool_call_id,
            agent,
            action,
            verdict,
            effect,
            mode,
            dialect,
            source,
            decided_ns
        from decision
        where
            trace_id is not null
            and decided_at between $since and $until
            and trace_id in (select trace_id from touched)
    ),
    timed as (
        select d.* replace (m.trace_id as trace_id), m.span_id as action_span_id
        from loose_match as m
        inner join decision as d on d.decision_id = m.decision_id
        where
            m.started_at between $since and $until
            and m.trace_id in (select trace_id from touched)
            and d.decided_at between $since - interval 2 minutes and $until + interval 2 minutes
    ),
    call as (
        select *
        from called
        where kind <> 'agent' and trace_id in (select trace_id from traced)
    ),
    exact as (
        select
            t.decision_id,
            c.trace_id,
            c.span_id,
            case when c.span_id = t.span_id or c.span_id = d.action_span_id then 'span' else 'tool_call_id' end as matched_by
        from traced as t
        left join descent as d on d.trace_id = t.trace_id and d.span_id = t.span_id
        inner join call as c
            on c.trace_id = t.trace_id
            and (
                c.span_id = t.span_id
                or c.tool_call_id = t.tool_call_id
                or (c.span_id = d.action_span_id and (c.name = t.action or c.model = t.action))
            )
        qualify row_number() over (
            partition by t.decision_id
            order by (c.span_id is not distinct from t.span_id) desc, (c.span_id is not distinct from d.action_span_id) desc, c.start_ns, c.span_id
        ) = 1
    ),
    -- Brackets: a decision opens and a call closes, so each closes the newest that is open.
    ordered as (
        select
            *,
            sum(step) over (
                partition by trace_id, name
                order by at_ns, step desc, id
                rows between unbounded preceding and current row
            ) - least(step, 0) as level
        from (
            select trace_id, action as name, decided_ns as at_ns, 1 as step, decision_id as id, null::blob as span_id
            from traced
            where action is not null and decision_id not in (select decision_id from exact)
            union all
            select c.trace_id, c.name, greatest(c.start_ns, c.end_ns) as at_ns, -1 as step, lower(hex(c.span_id)) as id, c.span_id
            from call as c
            anti join exact as e on e.trace_id = c.trace_id and e.span_id = c.span_id
        )
    ),
    paired as (
        select trace_id, span_id, opened as decision_id
        from (
            select
                *,
                lag(case when step = 1 then id end) over (
                    partition by trace_id, name, level
                    order by at_ns, step desc, id
                ) as opened
            from ordered
        )
        where step = -1 and opened is not null
    ),
    nearest as (
        select t.decision_id, t.trace_id, c.span_id
        from traced as t
        inner join call as c
            on c.trace_id = t.trace_id
            and (c.name = t.action or c.model = t.action)
        left join exact as e on e.trace_id = c.trace_id and e.span_id = c.span_id
        left join paired as p on p.trace_id = c.trace_id and p.span_id = c.span_id
        where t.effect not in ('blocked', 'held') or (e.span_id is null and p.span_id is null)
        qualify row_number() over (
            partition by t.decision_id
            order by (c.agent = t.agent) desc, abs(c.start_ns - t.decided_ns), c.start_ns, c.span_id
        ) = 1
    ),
    matched as (
        select
            t.*,
            coalesce(e.span_id, p.span_id, n.span_id) as action_span_id,
            coalesce(
                e.matched_by,
                case when p.span_id is not null or n.span_id is not null then 'name' end
            ) as matched_by
        from traced as t
        left join exact as e on e.decision_id = t.decision_id
        left join paired as p on p.decision_id = t.decision_id
        left join nearest as n on n.decision_id = t.decision_id
        union all by name
        select
            decision_id,
            trace_id,
            span_id,
            tool_call_id,
            agent,
            action,
            verdict,
            effect,
            mode,
            dialect,
            source,
            decided_ns,
            action_span_id,
            'time' as matched_by
        from timed
    )
select
    *,
    -- Set when an agent of this name runs in the trace; else the decision concerns every run.
    exists (
        from called as r
        where r.trace_id = m.trace_id and r.kind = 'agent' and r.agent = m.agent
    ) as concerns_one
from matched as m;
