-- Calls that end in the due slots or in the next ones, each with the decision outside of any trace about it:
-- of one agent and name a call, when it ends, takes the newest decision that is still free and came at
-- most a minute before it began, a refusal at most two seconds: what was refused does not begin later,
-- and often leaves no span. Calls that a decision in their trace is about are not free.
-- Bound: $since, $until (timestamptz); reads the temporary table due_slot.
create or replace temp table paired as
with
    near as (
        select distinct name, slot + unnest([-1, 0, 1]) as slot
        from due_slot
    ),
    concerned as (
        select distinct name, slot + unnest([0, 1]) as slot
        from due_slot
    ),
    -- Brackets: a decision opens and a call closes, so each closes the newest that is open.
    events as (
        select
            d.agent,
            d.action as name,
            d.decided_ns as at_ns,
            1 as step,
            case when d.effect = 'blocked' then 2000000000 else 60000000000 end as lasts_ns,
            d.decision_id as id,
            null::blob as trace_id,
            null::blob as span_id,
            null::timestamptz as started_at,
            null::bigint as start_ns
        from named_decision as d
        semi join near as n on n.name = d.action and n.slot = match_slot(d.decided_ns)
        where d.trace_id is null and not comes_after(d.stage) and d.decided_at between $since and $until
        union all
        select
            a.agent,
            a.name,
            match_end_ns(a.start_ns, a.duration_ms) as at_ns,
            -1 as step,
            null as lasts_ns,
            hex(a.trace_id) || hex(a.span_id) as id,
            a.trace_id,
            a.span_id,
            a.started_at,
            a.start_ns
        from named_action as a
        semi join near as n on n.name = a.name and n.slot = match_slot(match_end_ns(a.start_ns, a.duration_ms))
        where
            a.kind in ('tool', 'model')
            and (a.decision_id is null or a.matched_by = 'time')
            and a.started_at between $since - interval 1 minute and $until
    ),
    ordered as (
        select
            *,
            sum(step) over (
                partition by agent, name
                order by at_ns, step desc, id
                rows between unbounded preceding and current row
            ) - least(step, 0) as level
        from events
    ),
    closed as (
        select
            *,
            lag(case when step = 1 then id end) over (partition by agent, name, level order by at_ns, step desc, id) as decision_id,
            lag(at_ns + lasts_ns) over (partition by agent, name, level order by at_ns, step desc, id) as lasts_until_ns
        from ordered
    )
select decision_id, trace_id, span_id, name, started_at, at_ns as ended_ns
from closed as c
semi join concerned as d on d.name = c.name and d.slot = match_slot(c.at_ns)
where c.step = -1 and c.decision_id is not null and c.lasts_until_ns >= c.start_ns;
