-- What was seen, the newest first. Bound: $most (how many rows).
select kind, name, version, origin, agent_count, agents, events, first_seen, last_seen, sample
from inventory
order by last_seen desc, kind, name, version, origin
limit $most;
