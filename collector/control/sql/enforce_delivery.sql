-- The first refused call is proven; the first proof counts.
-- Bound: $hold_id, $instance_uid, $enforced_at, $decision_id.
update delivery
set enforced_at = $enforced_at, decision_id = $decision_id
where hold_id = $hold_id
    and instance_uid = $instance_uid
    and enforced_at is null;
