-- The latest figures that the governance toolkit itself reported of each objective and
-- indicator, as gauges or in events; a gauge names no agent, an event of the same process may.
-- Bound: $since, $until (timestamptz).
with
    points as (
        select
            m.name,
            m.time_ns as at_ns,
            coalesce(m.value, m.value_int) as value,
            coalesce(
                m.attributes ->> '$."agent.id"',
                m.attributes ->> '$.agent_id',
                m.attributes ->> '$."agent.did"'
            ) as alias,
            m.attributes ->> '$."agent.sre.slo.name"' as objective,
            m.attributes ->> '$."agent.sre.sli.name"' as indicator,
            m.attributes ->> '$."agent.sre.sli.window"' as indicator_window,
            r.service_name,
            r.instance,
            r.sample
        from every_metric_point as m
        left join resource as r using (resource_hash)
        where
            m.measured_at >= $since
            and m.measured_at < $until
            and m.name in (
                'agent.sre.slo.status_code',
                'agent.sre.error_budget.remaining',
                'agent.sre.burn_rate',
                'agent.sre.sli.value'
            )
    ),
    events as (
        select
            told_ns as at_ns,
            agent as alias,
            instance,
            sample,
            detail ->> '$."agent.sre.slo.name"' as objective,
            detail ->> '$."agent.sre.slo.status"' as status,
            try_cast(detail ->> '$."agent.sre.error_budget.remaining"' as double) as remaining,
            try_cast(detail ->> '$."agent.sre.error_budget.total"' as double) as total,
            try_cast(detail ->> '$."agent.sre.error_budget.window_seconds"' as double) as window_s,
            try_cast(detail ->> '$."agent.sre.burn_rate"' as double) as burn
        from governance_event
        where kind = 'objective' and told_at >= $since and told_at < $until
    ),
    whose as (
        select
            instance,
            objective,
            arg_max(alias, at_ns) as alias
        from events
        where alias is not null
        group by instance, objective
    ),
    told as (
        select
            coalesce(p.alias, w.alias, p.service_name) as alias,
            coalesce(p.objective, p.indicator) as objective,
            case p.name
                when 'agent.sre.slo.status_code' then 'state'
                when 'agent.sre.error_budget.remaining' then 'budget_left'
                when 'agent.sre.burn_rate' then 'burn_rate'
                else 'indicator'
            end as measure,
            case when p.name <> 'agent.sre.slo.status_code' then p.value end as value,
            case
                when p.name = 'agent.sre.slo.status_code'
                then
                    case p.value
                        when 0 then 'healthy'
                        when 1 then 'warning'
                        when 2 then 'critical'
                        when 3 then 'exhausted'
                        else 'unknown'
                    end
            end as word,
            p.at_ns,
            null::double as total,
            null::double as window_s,
            p.indicator_window,
            p.sample,
            'metric' as told_by
        from points as p
        left join whose as w
            on w.objective = p.objective and w.instance is not distinct from p.instance
        union all
        select
            e.alias,
            e.objective,
            m.measure,
            case m.measure
                when 'budget_left' then e.remaining
                when 'burn_rate' then e.burn
            end,
            case when m.measure = 'state' then e.status end,
            e.at_ns,
            e.total,
            e.window_s,
            null,
            e.sample,
            'event'
        from events as e
        cross join (values ('state'), ('budget_left'), ('burn_rate')) as m (measure)
    )
select
    coalesce(n.agent, t.alias, 'unknown') as agent,
    t.objective,
    t.measure,
    arg_max(t.value, t.at_ns) as reported,
    arg_max(t.word, t.at_ns) as reported_word,
    make_timestamptz(max(t.at_ns) // 1000) as reported_at,
    max(t.total) as total,
    max(t.window_s) as window_s,
    arg_max(t.indicator_window, t.at_ns) as indicator_window,
    arg_max(t.told_by, t.at_ns) as told_by,
    coalesce(bool_or(t.sample), false) as sample
from told as t
left join agent_names as n on n.alias = t.alias
where t.objective is not null and (t.value is not null or t.word is not null)
group by all
order by agent, t.objective, t.measure
limit 1000;
