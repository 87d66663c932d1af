-- What was known of each agent at a moment: trust, holds in force, judgements, and the decisions of
-- the day before it. Null means not measured. The names of agents are today's.
-- Bound: $at (timestamptz), $known_at (timestamptz or null: what came in later is left out), $now,
-- $agent (or null).
with
    scored as (
        select *
        from trust_as_of($at, coalesce($known_at, $now))
    ),
    held as (
        select
            agent,
            list(
                struct_pack(
                    hold_id := hold_id,
                    kind := kind,
                    since := since,
                    expires_at := expires_at,
                    actor := actor,
                    reason := reason,
                    is_enforced := is_enforced
                )
                order by since, hold_id
            ) as holds
        from holds_as_of($at, coalesce($known_at, $now))
        group by agent
    ),
    budgeted as (
        select
            agent,
            list(
                struct_pack(objective := objective, state := state, budget_left := budget_left, judged_at := judged_at)
                order by objective
            ) as objectives
        from budgets_as_of($at, coalesce($known_at, $now))
        group by agent
    ),
    judged as (
        select
            agent,
            count(*) as decisions,
            count(*) filter (where verdict = 'deny') as denied,
            max(decided_at) as last_decided_at,
            max(sequence) as last_sequence,
            list_sort(list(distinct policy) filter (where policy is not null)) as policies
        from decisions_as_of($at, coalesce($known_at, $now))
        where decided_at > $at - interval 1 day
        group by agent
    ),
    known_agent as (
        select agent from scored
        union
        select agent from held where agent is not null
        union
        select agent from budgeted
        union
        select agent from judged
    )
select
    k.agent,
    s.score as trust,
    s.tier,
    s.scored_at,
    j.decisions,
    j.denied,
    j.last_decided_at,
    j.policies,
    h.holds,
    b.objectives
from known_agent as k
left join scored as s using (agent)
left join held as h using (agent)
left join budgeted as b using (agent)
left join judged as j using (agent)
where $agent is null or k.agent = $agent
order by k.agent
