-- Note who was judged in what changed. Bound: nothing; reads the temporary table changed_decision.
insert into agent_rollup by name
select
    date_trunc('hour', decided_at) as seen_in,
    agent,
    agent_id,
    case when starts_with(dialect, 'agt') then 'agt' end as framework,
    environment,
    instance,
    sample,
    sum(decisions)::bigint as events,
    min(decided_at) filter (where decisions > 0) as first_seen,
    max(decided_at) filter (where decisions > 0) as last_seen
from changed_decision
group by all
having sum(decisions) <> 0 or bool_or(decisions > 0)
order by seen_in, agent;
