-- What was seen: of each kind and agent the newest first, so that an agent which invents names
-- crowds out only its own. Bound: $most (how many rows).
select kind, name, version, origin, agent_count, agents, events, first_seen, last_seen, sample
from inventory
order by
    row_number() over (partition by kind, agents[1] order by last_seen desc, name, version, origin),
    last_seen desc,
    kind,
    name,
    version,
    origin
limit $most;
