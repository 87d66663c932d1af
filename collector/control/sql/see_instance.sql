-- An instance was heard.
-- Bound: $instance_uid, $last_seen.
update instance
set last_seen = $last_seen
where instance_uid = $instance_uid;
