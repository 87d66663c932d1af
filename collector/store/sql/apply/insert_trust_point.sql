-- Keep the scores not reported before, word for word.
-- Bound: incoming (Arrow: the columns of trust_point).
insert into trust_point by name
select i.*
from incoming as i
where not exists (
    select 1
    from trust_point as t
    where t.scored_ns is not distinct from i.scored_ns
        and t.agent is not distinct from i.agent
        and t.agent_id is not distinct from i.agent_id
        and t.environment is not distinct from i.environment
        and t.score is not distinct from i.score
        and t.raw_score is not distinct from i.raw_score
        and t.raw_scale is not distinct from i.raw_scale
        and t.origin is not distinct from i.origin
        and t.reason is not distinct from i.reason
);
