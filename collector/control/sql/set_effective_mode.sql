-- What an instance says it obeys.
-- Bound: $instance_uid, $effective_mode.
update instance
set effective_mode = $effective_mode
where instance_uid = $instance_uid;
