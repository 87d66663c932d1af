-- Decisions in the touched traces, with the call each was about and how that is known (matched_by):
-- span: it names the call's span, or one within it; tool_call_id; name: a call of that name in the
-- trace, of calls and decisions of one name each with the nearest before it that is still free.
-- A decision that is left over concerns the nearest call of its name, by the same agent or by
-- whichever there is; a refusal only when nobody else decided about that call.
-- time: a decision outside of any trace, as matching found it; one that fits no call concerns its run.
-- Bound: $since, $until (timestamptz); reads the temporary tables called and descent.
create or replace temp table judged as
with
    -- Semantic Kernel calls a function of a plugin plugin-function. A decision that names the function,
    -- or both with a dot, means that call, if it is the only one of the trace.
    spoken as (
        select p.trace_id, p.said, min(p.name) as name
        from (
            select distinct
                trace_id,
                name,
                unnest([split_part(name, '-', 2), replace(name, '-', '.')]) as said
            from called
            where
                framework = 'semantic-kernel'
                and kind = 'tool'
                and regexp_full_match(name, '[0-9A-Za-z_]+-[0-9A-Za-z_]+')
        ) as p
        anti join called as c on c.trace_id = p.trace_id and c.name = p.said
        group by p.trace_id, p.said
        having count(*) = 1
    ),
    traced as (
        select
            d.decision_id,
            d.trace_id,
            d.span_id,
            d.tool_call_id,
            d.agent,
            coalesce(s.name, d.action) as action,
            d.verdict,
            d.effect,
            d.mode,
            d.dialect,
            d.source,
            d.stage,
            d.decided_ns
        from decision as d
        left join spoken as s on s.trace_id = d.trace_id and s.said = d.action
        where
            d.trace_id is not null
            and d.decided_at between $since and $until
            and d.trace_id in (select trace_id from touched)
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
    -- Refusals outside of any trace that no call was matched to: they concern their run alone.
    refused as (
        select d.* replace (m.trace_id as trace_id, r.agent as agent), null::blob as action_span_id
        from loose_refusal as m
        inner join called as r on r.trace_id = m.trace_id and r.span_id = m.span_id
        inner join decision as d on d.decision_id = m.decision_id
        where m.decided_at between $since and $until and d.decided_at between $since and $until
    ),
    call as (
        select *
        from called
        where kind <> 'agent' and trace_id in (select trace_id from traced)
    ),
    -- One call for each id, because a sender may give all its calls one.
    identified as (
        select trace_id, tool_call_id, arg_min(span_id, (start_ns, span_id)) as span_id
        from call
        where tool_call_id is not null
        group by trace_id, tool_call_id
    ),
    exact as (
        select
            t.decision_id,
            t.trace_id,
            comes_after(t.stage) as is_after,
            coalesce(o.span_id, w.span_id, i.span_id) as span_id,
            case when coalesce(o.span_id, w.span_id) is not null then 'span' else 'tool_call_id' end as matched_by
        from traced as t
        left join descent as d on d.trace_id = t.trace_id and d.span_id = t.span_id
        left join call as o on o.trace_id = t.trace_id and o.span_id = t.span_id
        left join call as w
            on w.trace_id = t.trace_id
            and w.span_id = d.action_span_id
            and (w.name = t.action or w.model = t.action or w.tool_call_id = t.tool_call_id)
        left join identified as i on i.trace_id = t.trace_id and i.tool_call_id = t.tool_call_id
        where coalesce(o.span_id, w.span_id, i.span_id) is not null
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
            where action is not null and not comes_after(stage) and decision_id not in (select decision_id from exact)
            union all
            select c.trace_id, c.name, greatest(c.start_ns, c.end_ns) as at_ns, -1 as step, lower(hex(c.span_id)) as id, c.span_id
            from call as c
            anti join exact as e on e.trace_id = c.trace_id and e.span_id = c.span_id and not e.is_after
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
    -- Who is left over looks for the call before and the one behind it, among those by the same agent
    -- (is_own) and among all: comparing each with each would take a minute for 10,000 of one name.
    asked as (
        select
            t.decision_id,
            t.trace_id,
            t.action,
            t.decided_ns,
            t.effect in ('blocked', 'held') as only_free,
            o.is_own,
            case when o.is_own then t.agent else '' end as agent
        from traced as t
        cross join (values (true), (false)) as o(is_own)
        anti join exact as e on e.decision_id = t.decision_id
        anti join paired as p on p.decision_id = t.decision_id
        where t.action is not null
    ),
    sought as (
        select
            c.trace_id,
            w.word,
            f.only_free,
            o.is_own,
            case when o.is_own then c.agent else '' end as agent,
            c.start_ns,
            min(c.span_id) as span_id
        from call as c
        semi join asked as a on a.trace_id = c.trace_id
        left join exact as e on e.trace_id = c.trace_id and e.span_id = c.span_id
        left join paired as p on p.trace_id = c.trace_id and p.span_id = c.span_id
        cross join unnest([c.name, c.model]) as w(word)
        cross join (values (true), (false)) as f(only_free)
        cross join (values (true), (false)) as o(is_own)
        where w.word is not null and (not f.only_free or (e.span_id is null and p.span_id is null))
        group by all
    ),
    beside as (
        select trace_id, action as word, only_free, is_own, agent, decided_ns as at_ns, decision_id, null::blob as span_id
        from asked
        union all by name
        select trace_id, word, only_free, is_own, agent, start_ns as at_ns, span_id
        from sought
    ),
    near as (
        select
            decision_id,
            trace_id,
            is_own,
            at_ns as decided_ns,
            unnest([
                last_value(case when span_id is not null then {'start_ns': at_ns, 'span_id': span_id} end ignore nulls) over before,
                first_value(case when span_id is not null then {'start_ns': at_ns, 'span_id': span_id} end ignore nulls) over behind
            ]) as call
        from beside
        window
            before as (
                partition by trace_id, word, only_free, is_own, agent
                order by at_ns
                range between unbounded preceding and current row
            ),
            behind as (
                partition by trace_id, word, only_free, is_own, agent
                order by at_ns
                range between current row and unbounded following
            )
    ),
    nearest as (
        select decision_id, trace_id, call.span_id
        from near
        where decision_id is not null and call is not null
        qualify row_number() over (
            partition by decision_id
            order by is_own desc, abs(call.start_ns - decided_ns), call.start_ns, call.span_id
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
            stage,
            decided_ns,
            action_span_id,
            case when action_span_id is not null then 'time' end as matched_by
        from (from timed union all from refused)
    )
select
    *,
    -- Set when an agent of this name runs in the trace; else the decision concerns every run.
    exists (
        from called as r
        where r.trace_id = m.trace_id and r.kind = 'agent' and r.agent = m.agent
    ) as concerns_one
from matched as m;
