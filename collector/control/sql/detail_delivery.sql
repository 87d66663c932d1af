-- What an instance says of a hold it received.
-- Bound: $hold_id, $instance_uid, $effective_mode, $hooks.
update delivery
set effective_mode = $effective_mode, hooks = $hooks
where hold_id = $hold_id
    and instance_uid = $instance_uid;
