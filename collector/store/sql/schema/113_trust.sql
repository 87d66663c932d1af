-- Public view: trust scores over time, 0 to 1000.
create or replace view trust as
select
    agent,
    agent_id,
    environment,
    sample,
    scored_at as "at",
    score,
    tier,
    raw_score,
    raw_scale,
    origin,
    reason,
    raw_tier
from named_trust_point;
