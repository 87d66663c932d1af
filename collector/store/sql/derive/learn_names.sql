-- Learns that an identifier belongs to a name, where one span tells both.
-- Bound: nothing; reads the temporary table lineage.
insert into agent_alias by name
with
    told as (
        select
            agent_id as alias,
            agent_name as agent,
            'span' as learnt_from,
            min(started_at) as learnt_at
        from lineage
        where
            (starts_with(agent_id, 'did:') or starts_with(agent_id, 'spiffe://'))
            and agent_name <> agent_id
        group by agent_id, agent_name
    )
select t.*
from told as t
anti join agent_alias as k using (alias, agent)
returning alias
