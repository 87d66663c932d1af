-- An instance applied a document with this hold; the first time counts.
-- Bound: $hold_id, $instance_uid, $now.
update delivery
set acked_at = $now, ack_status = 'applied'
where hold_id = $hold_id
    and instance_uid = $instance_uid
    and acked_at is null;
