-- The first refused call of each hold and instance that the control process has not been told of.
-- The newest come first, so that holds nobody knows any more cannot keep them waiting.
-- Bound: $limit.
with
    refusal as (
        select
            hold_id,
            instance,
            arg_min(decision_id, decided_ns) as decision_id,
            min(decided_at) as decided_at,
            arg_min(stage, decided_ns) as stage
        from decision
        where hold_id is not null and effect = 'blocked'
        group by hold_id, instance
    )
select r.hold_id, r.instance, r.decision_id, r.decided_at, r.stage
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
order by r.decided_at desc, r.hold_id, r.instance
limit $limit
