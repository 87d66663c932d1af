-- A hold was handed to an instance; the first time counts.
-- Bound: $hold_id, $instance_uid, $now.
insert into delivery (hold_id, instance_uid, delivered_at)
values ($hold_id, $instance_uid, $now)
on conflict (hold_id, instance_uid) do nothing;
