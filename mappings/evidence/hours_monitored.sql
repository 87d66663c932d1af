-- Monitoring ran throughout the period.
-- Population: hours since the first judgement.
-- Exception: have no judgement of any objective.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
with
    judged as (
        select distinct date_trunc('hour', "at") as hour from budgets
        where "at" >= $since and "at" < $until and ($agent is null or agent = $agent)
    ),
    calendar as (
        select unnest(generate_series(min(hour), date_trunc('hour', $until - interval 1 microsecond), interval 1 hour)) as hour
        from judged
    )
select
    count(*) as population,
    count(*) filter (where j.hour is null) as exceptions,
    list(strftime(c.hour, '%Y-%m-%d %H:00') order by c.hour) filter (where j.hour is null)[1:10] as examples
from calendar as c
left join judged as j using (hour)
