-- No objective had spent its error budget at the end of the period.
-- Population: objectives of agents with data.
-- Exception: had spent their error budget.
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
    count(*) filter (where state = 'exhausted') as exceptions,
    list(objective || ' of ' || agent order by objective, agent) filter (where state = 'exhausted')[1:10] as examples
from latest
where state <> 'no_data'
