-- How much of what agents did somebody had decided about: a row for each agent, framework or tool, tool
-- calls and model calls apart, the least covered first. governed: a decision in force was about it;
-- monitored: one that was only watched. coverage is null (not measured) where the agent never told
-- a decision, and 0 where it decides, but not about these.
-- Bound: $since, $until, $hours_from, $hours_until (timestamptz), $agent (or null), $by (agent,
-- framework or tool).
with
    deciding as (
        select distinct agent
        from named_decision_rollup
    ),
    counted as (
        select agent, framework, kind, name, sample, matched_by, decision_mode, calls
        from named_call_rollup
        where started_in >= $hours_from and started_in < $hours_until
        union all by name
        select agent, framework, kind, name, sample, matched_by, decision_mode, 1 as calls
        from coverage_between($since, $hours_from)
        union all by name
        select agent, framework, kind, name, sample, matched_by, decision_mode, 1 as calls
        from coverage_between($hours_until, $until)
    ),
    called as (
        select
            case when $by <> 'framework' then c.agent end as agent,
            case when $by <> 'agent' then c.framework end as framework,
            c.kind,
            case when $by = 'tool' then c.name end as name,
            c.sample,
            c.matched_by,
            c.matched_by is not null and is_watched(c.decision_mode) as is_watched,
            c.calls,
            d.agent is not null as measured
        from counted as c
        left join deciding as d on d.agent = c.agent
        where $agent is null or c.agent = $agent
    )
select
    agent,
    framework,
    kind,
    name,
    sum(calls)::bigint as actions,
    coalesce(sum(calls) filter (where measured), 0)::bigint as measured,
    coalesce(sum(calls) filter (where measured and matched_by is not null and not is_watched), 0)::bigint as governed,
    coalesce(sum(calls) filter (where measured and matched_by is not null and is_watched), 0)::bigint as monitored,
    coalesce(sum(calls) filter (where measured and matched_by is null), 0)::bigint as ungoverned,
    (coalesce(sum(calls) filter (where measured and matched_by is not null and not is_watched), 0) / nullif(sum(calls) filter (where measured), 0))::double as coverage,
    coalesce(sum(calls) filter (where matched_by in ('span', 'trace')), 0)::bigint as by_span,
    coalesce(sum(calls) filter (where matched_by = 'tool_call_id'), 0)::bigint as by_tool_call_id,
    coalesce(sum(calls) filter (where matched_by = 'name'), 0)::bigint as by_name,
    coalesce(sum(calls) filter (where matched_by = 'time'), 0)::bigint as by_time,
    bool_or(sample) as sample
from called
group by agent, framework, kind, name
having sum(calls) > 0
order by coverage nulls last, ungoverned desc, actions desc, agent, framework, kind, name
