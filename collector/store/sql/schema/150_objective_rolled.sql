-- What an objective counts, from the rollups: as objective_events, in steps of five minutes, for an
-- objective that asks for no limit, name or model. Arguments as there.
create or replace macro objective_rolled(
    counted_signal,
    outcomes,
    verdicts,
    kinds,
    environments,
    agents,
    marked_outcomes,
    marked_verdicts,
    marked_kinds,
    marked_environments,
    marked_agents,
    marks_bad
) as table
with
    event as (
        select
            coalesce(n.agent, r.agent) as agent,
            r.environment,
            r.ended_in as happened_in,
            r.outcome,
            null as verdict,
            r.kind,
            r.events
        from event_rollup as r
        left join agent_names as n on n.alias = r.agent
        where r.signal = counted_signal
        union all by name
        select
            coalesce(n.agent, d.agent) as agent,
            d.environment,
            d.decided_in as happened_in,
            null as outcome,
            d.verdict,
            null as kind,
            d.decisions as events
        from decision_rollup as d
        left join agent_names as n on n.alias = d.agent
        where counted_signal = 'decisions' and d.source is distinct from 'control_plane'
    )
select
    agent,
    happened_in,
    events,
    (
        (cast(marked_outcomes as varchar[]) is null or coalesce(list_contains(cast(marked_outcomes as varchar[]), outcome), false))
        and (cast(marked_verdicts as varchar[]) is null or coalesce(list_contains(cast(marked_verdicts as varchar[]), verdict), false))
        and (cast(marked_kinds as varchar[]) is null or coalesce(list_contains(cast(marked_kinds as varchar[]), kind), false))
        and (cast(marked_environments as varchar[]) is null or coalesce(list_contains(cast(marked_environments as varchar[]), environment), false))
        and (cast(marked_agents as varchar[]) is null or coalesce(list_contains(cast(marked_agents as varchar[]), agent), false))
    ) <> cast(marks_bad as boolean) as good
from event
where
    (cast(outcomes as varchar[]) is null or list_contains(cast(outcomes as varchar[]), outcome))
    and (cast(verdicts as varchar[]) is null or list_contains(cast(verdicts as varchar[]), verdict))
    and (cast(kinds as varchar[]) is null or list_contains(cast(kinds as varchar[]), kind))
    and (cast(environments as varchar[]) is null or list_contains(cast(environments as varchar[]), environment))
    and (cast(agents as varchar[]) is null or list_contains(cast(agents as varchar[]), agent));
