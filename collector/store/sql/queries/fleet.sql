-- Which agents need attention: one row per agent, the most urgent first.
-- Null means not measured: an agent that never told a decision has no denials, not zero.
-- Bound: $since, $until, $now (timestamptz), what
-- store/steps.py says of the period, $objective_names and $objective_period_s (two lists of equal length).
with
    known as (
        select *
        from agents
        where first_seen < $until
    ),
    -- Whole steps of five minutes from the rollups; those that hold the start or the end of the
    -- period, or of the time before it, from the rows.
    ran_in as (
        select agent, started_in as told_at, outcome, events
        from named_event_rollup
        where
            signal = 'runs'
            and started_in < $until_low
            and not (started_in >= $since_low and started_in < $since_high)
            and not (started_in >= $before_low and started_in < $before_high)
        union all by name
        select agent, started_at as told_at, outcome, 1 as events
        from named_run
        where started_at >= $before_low and started_at < $before_high
        union all by name
        select agent, started_at as told_at, outcome, 1 as events
        from named_run
        where started_at >= $since_low and started_at < $since_high
        union all by name
        select agent, started_at as told_at, outcome, 1 as events
        from named_run
        where started_at >= $until_low and started_at < $until
    ),
    ran as (
        select
            agent,
            coalesce(sum(events) filter (where told_at >= $since), 0)::bigint as runs,
            coalesce(sum(events) filter (where told_at >= $since and outcome = 'error'), 0)::bigint as run_errors
        from ran_in
        group by agent
        having sum(events) > 0
    ),
    acted_in as (
        select agent, started_in as told_at, events
        from named_event_rollup
        where
            signal = 'actions'
            and started_in < $until_low
            and not (started_in >= $since_low and started_in < $since_high)
            and not (started_in >= $before_low and started_in < $before_high)
        union all by name
        select agent, started_at as told_at, 1 as events
        from named_action
        where started_at >= $before_low and started_at < $before_high
        union all by name
        select agent, started_at as told_at, 1 as events
        from named_action
        where started_at >= $since_low and started_at < $since_high
        union all by name
        select agent, started_at as told_at, 1 as events
        from named_action
        where started_at >= $until_low and started_at < $until
    ),
    acted as (
        select agent, coalesce(sum(events) filter (where told_at >= $since), 0)::bigint as actions
        from acted_in
        group by agent
        having sum(events) > 0
    ),
    judged_in as (
        select agent, decided_in as told_at, verdict, decisions
        from named_decision_rollup
        where
            decided_in < $until_low
            and not (decided_in >= $since_low and decided_in < $since_high)
            and not (decided_in >= $before_low and decided_in < $before_high)
        union all by name
        select agent, decided_at as told_at, verdict, 1 as decisions
        from named_decision
        where decided_at >= $before_low and decided_at < $before_high
        union all by name
        select agent, decided_at as told_at, verdict, 1 as decisions
        from named_decision
        where decided_at >= $since_low and decided_at < $since_high
        union all by name
        select agent, decided_at as told_at, verdict, 1 as decisions
        from named_decision
        where decided_at >= $until_low and decided_at < $until
    ),
    judged as (
        select
            agent,
            coalesce(sum(decisions) filter (where told_at >= $since), 0)::bigint as decisions,
            coalesce(sum(decisions) filter (where told_at >= $since and verdict = 'deny'), 0)::bigint as denied,
            coalesce(
                sum(decisions) filter (where told_at < $since and told_at >= $before and verdict = 'deny'), 0
            )::bigint as denied_before
        from judged_in
        group by agent
        having sum(decisions) > 0
    ),
    hours as (
        -- At most of the last 31 days: a century of hours for each agent fits no answer.
        select unnest(generate_series(greatest(date_trunc('hour', $since), date_trunc('hour', $until) - interval 31 days), $until - interval 1 microsecond, interval 1 hour)) as hour
    ),
    denial as (
        select agent, time_bucket(interval 1 hour, told_at) as hour, sum(decisions)::bigint as denied
        from judged_in
        where told_at >= $since and verdict = 'deny'
        group by agent, hour
    ),
    denied_hours as (
        select j.agent, list(coalesce(d.denied, 0) order by h.hour) as denied_by_hour
        from judged as j
        cross join hours as h
        left join denial as d on d.agent = j.agent and d.hour = h.hour
        group by j.agent
    ),
    scored as (
        select
            agent,
            arg_max(score, (scored_ns, sequence)) as trust,
            arg_max(tier, (scored_ns, sequence)) as tier,
            arg_max(score, (scored_ns, sequence)) filter (where scored_at < $since) as trust_before,
            arg_min(score, (scored_ns, sequence)) filter (where scored_at >= $since) as trust_first,
            count(*) filter (where scored_at >= $since) as points
        from named_trust_point
        where scored_at < $until
        group by agent
    ),
    steps as (
        select
            s.agent,
            i.step,
            $since + to_microseconds((epoch_us($until) - epoch_us($since)) * (i.step + 1) // 20) as step_end
        from scored as s
        cross join range(20) as i(step)
    ),
    trend as (
        select s.agent, list(t.score order by s.step) as trust_trend
        from steps as s
        asof left join named_trust_point as t on t.agent = s.agent and s.step_end > t.scored_at
        group by s.agent
    ),
    newest_budget as (
        select objective, agent, state, reason, budget_left, judged_at
        from budget
        where judged_at < $until
        qualify row_number() over (partition by objective, agent order by judged_at desc) = 1
    ),
    worst as (
        select *
        from newest_budget
        qualify row_number() over (
            partition by agent
            order by
                case state
                    when 'exhausted' then 0
                    when 'burning' then 1
                    when 'at_risk' then 2
                    when 'low_traffic' then 3
                    when 'healthy' then 4
                    else 5
                end,
                budget_left nulls last,
                objective
        ) = 1
    ),
    burnt as (
        select
            w.agent,
            arg_max(b.burn, b.judged_at) filter (where b.window_label = '1h') as burn_1h,
            arg_max(b.burn, b.judged_at) filter (where b.window_label = '6h') as burn_6h
        from worst as w
        inner join burn as b on b.objective = w.objective and b.agent = w.agent
        where b.judged_at <= w.judged_at and b.judged_at >= w.judged_at - interval 1 hour
        group by w.agent
    ),
    period as (
        select unnest($objective_names::varchar[]) as objective, unnest($objective_period_s::double[]) as period_s
    ),
    held as (
        select coalesce(n.agent, h.agent) as agent, h.kind as hold_kind, h.hold_id, c.origin
        from holds as h
        inner join commands as c using (command_id)
        left join agent_names as n on n.alias = h.agent
        where
            h.since < $until
            and (h.released_at is null or h.released_at >= $until)
            and h.expires_at > least($now, $until)
            and c.expired_at is null
        qualify row_number() over (
            partition by coalesce(n.agent, h.agent)
            order by
                case h.kind when 'kill' then 0 when 'pause' then 1 when 'require_approval' then 2 else 3 end,
                h.since desc,
                h.hold_id
        ) = 1
    ),
    measured as (
        select
            known.*,
            coalesce(worst.state, 'no_data') as state,
            worst.objective,
            worst.reason as judged_reason,
            budget_left,
            -- A burn rate of one spends the whole budget in exactly one period.
            case
                when coalesce(burn_1h, burn_6h) > 0 then budget_left * period_s / coalesce(burn_1h, burn_6h)
            end as exhausted_in_s,
            burn_1h,
            burn_6h,
            trust,
            tier,
            case
                when points = 0 then null
                when trust_before is not null or points > 1 then trust - coalesce(trust_before, trust_first)
            end as trust_change,
            trust_trend,
            runs,
            run_errors,
            actions,
            decisions,
            denied,
            denied_before,
            denied_by_hour,
            hold_kind,
            hold_id,
            origin as hold_origin,
            epoch(least($now, $until)) - epoch(last_seen) as silent_s
        from known
        left join worst using (agent)
        left join burnt using (agent)
        left join period using (objective)
        left join scored using (agent)
        left join trend using (agent)
        left join ran using (agent)
        left join acted using (agent)
        left join judged using (agent)
        left join denied_hours using (agent)
        left join held using (agent)
    ),
    -- One length of time per row needs words: until the budget is gone, else since the last sign of life.
    lasting as (
        select *, floor(case when state in ('burning', 'at_risk') then exhausted_in_s else silent_s end / 60)::bigint as minutes
        from measured
    ),
    worded as (
        select
            *,
            case
                when minutes < 60 then minutes || ' min'
                when minutes < 2880 then minutes // 60 || ' h ' || minutes % 60 || ' min'
                else minutes // 1440 || ' d'
            end as lasting
        from lasting
    )
select
    agent,
    agent_id,
    framework,
    environment,
    sample,
    first_seen,
    last_seen,
    instances,
    state,
    objective,
    case
        when hold_kind is not null
        then
            case hold_kind
                when 'kill' then 'Killed'
                when 'pause' then 'Paused'
                when 'require_approval' then 'Waits for approval, asked'
                else 'Degraded'
            end
            || case when hold_origin is null or hold_origin = 'human' then ' by an operator' else ' automatically' end
        when state = 'exhausted' then 'Budget gone'
        when state in ('burning', 'at_risk') and exhausted_in_s > 0
        then 'At this pace the budget is gone in ' || lasting
        when state in ('burning', 'at_risk') then judged_reason
        when trust_change <= -50 then 'Trust fell ' || round(-trust_change)::int || ' points in the period'
        when silent_s >= 600 then 'Silent for ' || lasting
        else ''
    end as reason,
    budget_left,
    burn_1h,
    burn_6h,
    trust,
    tier,
    trust_change,
    trust_trend,
    runs,
    run_errors,
    actions,
    decisions,
    denied,
    denied_before,
    denied_by_hour,
    hold_kind,
    hold_id
from worded
order by
    case
        when state = 'exhausted' then 0
        when state = 'burning' then 1
        when state = 'at_risk' then 2
        when hold_kind is not null then 3
        when state in ('low_traffic', 'no_data') then 4
        else 5
    end,
    budget_left nulls last,
    denied desc nulls last,
    agent
