-- The first refused call of each hold and instance that the control process has not been told of.
-- Another agent's word about a hold proves nothing of it. The newest come first, after them those of
-- holds that control has not told of, so that invented ones cannot keep the others waiting.
-- Bound: $limit.
with
    refusal as (
        select
            d.hold_id,
            d.instance,
            any_value(coalesce(c.agent, d.agent)) as agent,
            count(c.hold_id) > 0 as is_known,
            arg_min(d.decision_id, d.decided_ns) as decision_id,
            min(d.decided_at) as decided_at,
            arg_min(d.stage, d.decided_ns) as stage
        from named_decision as d
        left join commands as c on c.hold_id = d.hold_id
        left join agent_names as n on n.alias = c.agent
        where
            d.hold_id is not null and d.effect = 'blocked'
            and (c.hold_id is null or d.agent = coalesce(n.agent, c.agent))
        group by d.hold_id, d.instance
    )
select r.hold_id, r.instance, r.agent, r.decision_id, r.decided_at, r.stage
from refusal as r
where
    not exists (
        select 1
        from command_event as e
        where
            e.phase = 'enforced'
            and e.hold_id = r.hold_id
            and (r.instance is null or e.instance = r.instance)
    )
order by r.is_known desc, r.decided_at desc, r.hold_id, r.instance
limit $limit
