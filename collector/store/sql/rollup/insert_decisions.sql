-- Count the decisions that changed. Bound: nothing; reads the temporary table changed_decision.
insert into decision_rollup by name
select
    time_bucket(interval 5 minutes, decided_at) as decided_in,
    agent,
    environment,
    source,
    policy,
    coalesce(rule, reason_code, policy) as reason,
    verdict,
    sum(decisions)::bigint as decisions
from changed_decision
group by all
having sum(decisions) <> 0
order by decided_in, agent;
