-- Refusals outside of any trace that were told during runs which derivation told otherwise than before.
-- Bound: nothing; reads the temporary tables told_run and forgotten_run.
insert into unmatched_slot by name
with
    changed as (
        select 1 as runs, *
        from told_run
        union all by name
        select -1 as runs, *
        from forgotten_run
    ),
    moved as (
        select trace_id, span_id, agent, instance, start_ns, started_at, run_ends_at(started_at, duration_ms) as ends_at
        from changed
        group by all
        having sum(runs) <> 0
    ),
    during as (
        select coalesce(n.agent, m.agent) as agent, m.started_at, m.ends_at
        from moved as m
        left join agent_names as n on n.alias = m.agent
    ),
    refused as (
        select distinct d.action as name, match_slot(d.decided_ns) as slot
        from named_decision as d
        inner join during as r
            on r.agent = d.agent
            and d.decided_at >= r.started_at
            and d.decided_at <= r.ends_at
        where
            d.trace_id is null
            and d.action is not null
            and d.effect in ('blocked', 'held')
            and d.decided_at >= (select min(started_at) from during)
            and d.decided_at <= (select max(ends_at) from during)
    )
select r.*, 0 as failures
from refused as r
anti join unmatched_slot as u using (name, slot);
