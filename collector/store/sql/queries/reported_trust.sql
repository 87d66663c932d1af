-- The latest score that the governance toolkit reported of each agent, and whether the decisions
-- before it complied, oldest first. A score says in its first word how the toolkit came by it;
-- where it does not, it is the toolkit's if decisions about the agent are.
-- Bound: $since, $until (timestamptz).
with
    scored as (
        select
            agent,
            arg_max(score, scored_ns) as score,
            max(scored_at) as scored_at,
            max(scored_ns) as scored_ns,
            bool_or(sample) as sample,
            bool_or(split_part(reason, ' ', 1) in ('changed', 'verified', 'evaluated')) as is_toolkits
        from named_trust_point
        where scored_at >= $since and scored_at < $until
        group by agent
    ),
    judged as (
        select
            d.agent,
            d.verdict <> 'deny' as complied,
            d.decided_ns,
            d.decision_id,
            starts_with(d.dialect, 'agt') as is_toolkits
        from named_decision as d
        inner join scored as s on s.agent = d.agent
        where
            d.decided_at >= $since
            and d.decided_at < $until
            and d.decided_ns <= s.scored_ns
            and d.source is distinct from 'control_plane'
        qualify
            row_number() over (partition by d.agent order by d.decided_ns desc, d.decision_id) <= 100
    )
select
    s.agent,
    s.score,
    s.scored_at,
    s.sample,
    list(j.complied order by j.decided_ns, j.decision_id) filter (j.complied is not null) as complied
from scored as s
left join judged as j on j.agent = s.agent
group by s.agent, s.score, s.scored_at, s.sample, s.is_toolkits
having s.is_toolkits or bool_or(j.is_toolkits)
order by s.agent
limit 1000;
