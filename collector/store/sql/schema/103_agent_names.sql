-- Public view: the identifiers (DIDs) whose agent is known by name.
-- An identifier that two agents claim, that names itself, or whose name is itself another
-- identifier here is not applied: evidence then keeps the identifier as its agent. A plain
-- name is never taken for an identifier, so that no entry can rename another agent.
create or replace view agent_names as
select
    alias,
    any_value(agent) as agent,
    min(learnt_at) as learnt_at
from agent_alias
where starts_with(alias, 'did:')
group by alias
having count(distinct agent) = 1 and not starts_with(any_value(agent), 'did:');
