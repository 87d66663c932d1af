-- Every objective can be computed from the records of the period.
-- Population: objectives of agents.
-- Exception: had no data at the last judgement.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
with
    latest as (
        select objective, agent, arg_max(state, "at") as state
        from budgets
        where "at" >= $since and "at" < $until and ($agent is null or agent = $agent)
        group by objective, agent
    )
select
    count(*) as population,
    count(*) filter (where state = 'no_data') as exceptions,
    list(objective || ' of ' || agent order by objective, agent)
        filter (where state = 'no_data')[1:10] as examples
from latest
