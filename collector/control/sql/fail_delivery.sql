-- An instance could not apply a document with this hold.
-- Bound: $hold_id, $instance_uid, $ack_status.
update delivery
set ack_status = $ack_status
where hold_id = $hold_id
    and instance_uid = $instance_uid
    and acked_at is null
    and ack_status is not $ack_status;
