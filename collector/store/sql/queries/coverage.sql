-- How much of what agents did somebody had decided about: a row for each agent, framework or tool, tool
-- calls and model calls apart, the least covered first. coverage is null (not measured) where the
-- agent never told a decision, and 0 where it decides, but not about these.
-- Bound: $since, $until (timestamptz), $agent (or null), $by (agent, framework or tool).
with
    called as (
        select
            case when $by <> 'framework' then agent end as agent,
            case when $by <> 'agent' then framework end as framework,
            kind,
            case when $by = 'tool' then name end as name,
            sample,
            decision_id,
            matched_by,
            measured
        from coverage_between($since, $until)
        where $agent is null or agent = $agent
    )
select
    agent,
    framework,
    kind,
    name,
    count(*) as actions,
    count(*) filter (where measured) as measured,
    count(decision_id) filter (where measured) as governed,
    count(*) filter (where measured and decision_id is null) as ungoverned,
    case
        when count(*) filter (where measured) > 0
        then count(decision_id) filter (where measured) / count(*) filter (where measured)
    end as coverage,
    count(*) filter (where matched_by in ('span', 'trace')) as by_span,
    count(*) filter (where matched_by = 'tool_call_id') as by_tool_call_id,
    count(*) filter (where matched_by = 'name') as by_name,
    count(*) filter (where matched_by = 'time') as by_time,
    bool_or(sample) as sample
from called
group by agent, framework, kind, name
order by coverage nulls last, ungoverned desc, actions desc, agent, framework, kind, name
