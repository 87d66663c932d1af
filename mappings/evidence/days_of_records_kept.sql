-- How many days up to the end of the period have records that are still kept.
-- Population: days since the oldest kept record.
-- Exception: have no record of any run, action or decision.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
with
    days as (
        select distinct date_trunc('day', started_at) as day from runs
        where started_at < $until and started_at >= $since - interval 366 day and ($agent is null or agent = $agent)
        union
        select distinct date_trunc('day', decided_at) from decisions
        where decided_at < $until and decided_at >= $since - interval 366 day and ($agent is null or agent = $agent)
    ),
    calendar as (
        select unnest(generate_series(min(day), date_trunc('day', $until - interval 1 microsecond), interval 1 day)) as day
        from days
    )
select
    count(*) as population,
    count(*) filter (where d.day is null) as exceptions,
    list(strftime(c.day, '%Y-%m-%d') order by c.day) filter (where d.day is null)[1:10] as examples
from calendar as c
left join days as d using (day)
