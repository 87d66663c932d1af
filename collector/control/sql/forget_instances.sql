-- Instances that vanished long ago and that no command ever reached.
-- Bound: $seen_before.
delete from instance
where last_seen < $seen_before
    and not exists (select 1 from delivery where delivery.instance_uid = instance.instance_uid);
