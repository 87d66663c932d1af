-- After a stop was acknowledged the agent started no action.
-- Population: stops (kill or pause).
-- Exception: were not acknowledged, or an action started more than a second after the acknowledgement.
-- Bound: $since, $until (timestamptz), $agent (text or null for every agent).
with
    stops as (
        select *, least(coalesce(released_at, expires_at), expires_at) as ended_at
        from commands
        where
            kind in ('kill', 'pause') and requested_at >= $since and requested_at < $until
            and ($agent is null or agent = $agent)
    ),
    judged as (
        select
            s.kind || ' of ' || s.agent || ' at ' || s.requested_at as stop,
            s.requested_at,
            s.acked_at is null or exists (
                select 1
                from actions as a
                where
                    a.agent = s.agent and a.outcome = 'ok'
                    and a.started_at > s.acked_at + interval 1 second and a.started_at < s.ended_at
            ) as broken
        from stops as s
    )
select
    count(*) as population,
    count(*) filter (where broken) as exceptions,
    list(stop order by requested_at) filter (where broken)[1:10] as examples
from judged
