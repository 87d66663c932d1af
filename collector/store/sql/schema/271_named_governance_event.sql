-- Governance events with the agent's name where it was told by an identifier only.
-- agent_id keeps what was told; without one it keeps that identifier.
create or replace view named_governance_event as
select
    t.* replace (
        coalesce(n.agent, t.agent) as agent,
        coalesce(t.agent_id, n.alias) as agent_id
    )
from governance_event as t
left join agent_names as n on n.alias = t.agent;
