-- The events an objective counts, each with its verdict good or bad and the reason for bad.
-- A run or action counts when it ended; one whose duration was not measured when it started.
-- An event the indicator cannot measure (no duration for a limit) does not count. A decision
-- of the control plane carries out an operator's hold and says nothing of the agent.
--
-- signal: runs, actions or decisions. outcomes to agents: varchar[], null accepts all.
-- marked_*: what marks good events, or bad ones when marks_bad; unused when limit_ms is set.
-- limit_ms: good is at most that long, or strictly less when not inclusive; null for a ratio.
create or replace macro objective_events(
    signal,
    outcomes,
    verdicts,
    kinds,
    names,
    models,
    environments,
    agents,
    marked_outcomes,
    marked_verdicts,
    marked_kinds,
    marked_names,
    marked_models,
    marked_environments,
    marked_agents,
    marks_bad,
    limit_ms,
    inclusive
) as table
with
    event as (
        select
            agent,
            sample,
            environment,
            started_at + to_microseconds(cast(coalesce(duration_ms, 0) * 1000 as bigint)) as happened_at,
            started_at,
            duration_ms,
            outcome,
            null as verdict,
            null as kind,
            null as name,
            null as model,
            coalesce(error_type, outcome) as why,
            trace_id,
            span_id as run_span_id,
            framework as what
        from named_run
        where signal = 'runs'
        union all by name
        select
            agent,
            sample,
            environment,
            started_at + to_microseconds(cast(coalesce(duration_ms, 0) * 1000 as bigint)) as happened_at,
            started_at,
            duration_ms,
            outcome,
            null as verdict,
            kind,
            name,
            model,
            coalesce(error_type, outcome) as why,
            trace_id,
            run_span_id,
            name as what
        from named_action
        where signal = 'actions'
        union all by name
        select
            agent,
            sample,
            environment,
            decided_at as happened_at,
            decided_at as started_at,
            null as duration_ms,
            null as outcome,
            verdict,
            null as kind,
            action as name,
            null as model,
            coalesce(rule, reason_code, policy, verdict) as why,
            trace_id,
            null as run_span_id,
            action as what
        from named_decision
        where signal = 'decisions' and source is distinct from 'control_plane'
    ),
    counted as (
        select
            *,
            (cast(marked_outcomes as varchar[]) is null or coalesce(list_contains(cast(marked_outcomes as varchar[]), outcome), false))
            and (cast(marked_verdicts as varchar[]) is null or coalesce(list_contains(cast(marked_verdicts as varchar[]), verdict), false))
            and (cast(marked_kinds as varchar[]) is null or coalesce(list_contains(cast(marked_kinds as varchar[]), kind), false))
            and (cast(marked_names as varchar[]) is null or coalesce(list_contains(cast(marked_names as varchar[]), name), false))
            and (cast(marked_models as varchar[]) is null or coalesce(list_contains(cast(marked_models as varchar[]), model), false))
            and (cast(marked_environments as varchar[]) is null or coalesce(list_contains(cast(marked_environments as varchar[]), environment), false))
            and (cast(marked_agents as varchar[]) is null or coalesce(list_contains(cast(marked_agents as varchar[]), agent), false))
            as marked
        from event
        where
            (cast(outcomes as varchar[]) is null or list_contains(cast(outcomes as varchar[]), outcome))
            and (cast(verdicts as varchar[]) is null or list_contains(cast(verdicts as varchar[]), verdict))
            and (cast(kinds as varchar[]) is null or list_contains(cast(kinds as varchar[]), kind))
            and (cast(names as varchar[]) is null or list_contains(cast(names as varchar[]), name))
            and (cast(models as varchar[]) is null or list_contains(cast(models as varchar[]), model))
            and (cast(environments as varchar[]) is null or list_contains(cast(environments as varchar[]), environment))
            and (cast(agents as varchar[]) is null or list_contains(cast(agents as varchar[]), agent))
            and (cast(limit_ms as double) is null or duration_ms is not null)
    )
select
    agent,
    sample,
    happened_at,
    started_at,
    case
        when cast(limit_ms as double) is null then marked <> cast(marks_bad as boolean)
        when cast(inclusive as boolean) then duration_ms <= cast(limit_ms as double)
        else duration_ms < cast(limit_ms as double)
    end as good,
    case
        when cast(limit_ms as double) is null then why
        else 'slower than ' || format('{:g}', cast(limit_ms as double) / 1000) || ' s'
    end as reason,
    lower(hex(trace_id)) as trace_id,
    lower(hex(run_span_id)) as run_id,
    coalesce(what, '') as what
from counted;
