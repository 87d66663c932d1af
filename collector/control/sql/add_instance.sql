-- An instance shows itself for the first time; its secret is kept.
-- Bound: $instance_uid, $secret_hash, $now.
insert into instance (instance_uid, secret_hash, hooks, sample, first_seen, last_seen)
values ($instance_uid, $secret_hash, '', 0, $now, $now)
on conflict (instance_uid) do nothing;
