-- Tool and model calls that started in a period, each with the decision about it, if there is one.
-- Decisions outside of any trace (audit logs) are matched by agent, name and time: each call, when it
-- ended, takes the newest such decision that is still free and came at most a minute before it began.
-- measured: whether its agent ever told a decision; without one nothing can be said of it.
create or replace macro coverage_between(since_at, until_at) as table
with
    loose as materialized (
        select decision_id, agent, action as name, decided_ns
        from named_decision
        where
            trace_id is null
            and action is not null
            and decided_at >= since_at - interval 6 minutes
            and decided_at < until_at + interval 5 minutes
    ),
    deciding as (
        select distinct agent
        from named_decision_rollup
    ),
    called as (
        select *
        from named_action
        where kind in ('tool', 'model') and started_at < until_at
    ),
    -- A long call ends for this purpose after five minutes, so that no period needs all that was before.
    free as (
        select
            trace_id,
            span_id,
            agent,
            name,
            start_ns,
            start_ns + cast(least(coalesce(duration_ms, 0), 300000) * 1000000 as bigint) as end_ns
        from called
        where
            started_at >= since_at - interval 6 minutes
            and decision_id is null
            and (agent, name) in (select (agent, name) from loose)
    ),
    -- Brackets: a decision opens and a call closes, so each closes the newest that is open.
    ordered as (
        select
            *,
            sum(step) over (
                partition by agent, name
                order by at_ns, step desc, id
                rows between unbounded preceding and current row
            ) - least(step, 0) as level
        from (
            select agent, name, decided_ns as at_ns, 1 as step, decision_id as id, null::blob as trace_id, null::blob as span_id, null::bigint as start_ns
            from loose
            union all
            select agent, name, end_ns as at_ns, -1 as step, hex(trace_id) || hex(span_id) as id, trace_id, span_id, start_ns
            from free
        )
    ),
    paired as (
        select trace_id, span_id, opened as decision_id
        from (
            select
                *,
                lag(case when step = 1 then id end) over (partition by agent, name, level order by at_ns, step desc, id) as opened,
                lag(at_ns) over (partition by agent, name, level order by at_ns, step desc, id) as opened_ns
            from ordered
        )
        where step = -1 and opened is not null and opened_ns >= start_ns - 60000000000
    )
select
    c.* replace (
        coalesce(c.decision_id, p.decision_id) as decision_id,
        case
            when c.decision_id is not null then c.matched_by
            when p.decision_id is not null then 'time'
        end as matched_by
    ),
    d.agent is not null as measured
from called as c
left join paired as p on p.trace_id = c.trace_id and p.span_id = c.span_id
left join deciding as d on d.agent = c.agent
where c.started_at >= since_at;
