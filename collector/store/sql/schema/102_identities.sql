-- Public view: names of agents, what was learnt and what was decided about each.
-- state: applied, contested (two agents claim it, or it is no identifier of one), parted.
-- An identifier that two agents claim, that names itself, or whose name is itself another
-- identifier is contested. A plain name is never taken for an identifier from telemetry, so that
-- no entry can rename another agent; an operator may join any name.
create or replace view identities as
with
    told as (
        select
            alias,
            agent,
            learnt_from,
            learnt_at
        from agent_alias
        where starts_with(alias, 'did:') or starts_with(alias, 'spiffe://')
        union all by name
        -- Some toolkits tell of an agent by the hash of its DID only.
        select
            sha256(alias) as alias,
            agent,
            'sha256_of_did' as learnt_from,
            learnt_at
        from agent_alias
        where starts_with(alias, 'did:')
    ),
    learnt as (
        select
            alias,
            any_value(agent) as agent,
            list_sort(list(distinct agent)) as claimed_by,
            any_value(learnt_from) as learnt_from,
            min(learnt_at) as learnt_at,
            count(distinct agent) = 1
                and not starts_with(any_value(agent), 'did:')
                and not starts_with(any_value(agent), 'spiffe://') as is_clear
        from told
        group by alias
    ),
    decided as (
        select *
        from identity_act
        qualify row_number() over (partition by alias order by place desc) = 1
    )
select
    coalesce(d.alias, l.alias) as alias,
    case when d.verb = 'join' then d.agent else l.agent end as agent,
    case
        when d.verb = 'join' then 'applied'
        when d.verb = 'part' then 'parted'
        when l.is_clear then 'applied'
        else 'contested'
    end as state,
    l.claimed_by,
    l.learnt_from,
    l.learnt_at,
    d.actor as decided_by,
    d.decided_at,
    d.reason
from learnt as l
full join (select * from decided where verb <> 'forget') as d on d.alias = l.alias;
