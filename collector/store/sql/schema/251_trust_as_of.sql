-- Public macro: the latest trust score of every agent at a moment, as far as it was known at another.
create or replace macro trust_as_of(told_until, known_until) as table
select
    agent,
    arg_max(agent_id, (scored_ns, sequence)) as agent_id,
    arg_max(score, (scored_ns, sequence)) as score,
    arg_max(tier, (scored_ns, sequence)) as tier,
    arg_max(origin, (scored_ns, sequence)) as origin,
    max(scored_at) as scored_at,
    bool_or(sample) as sample
from named_trust_point
where
    scored_at <= cast(told_until as timestamptz)
    and known(received_at, scored_at, cast(known_until as timestamptz))
group by agent;
