-- A new operator; changes nothing when the name is taken.
-- Bound: $name, $role, $password_hash (or null), $created_at.
insert into operator (name, role, password_hash, created_at)
values ($name, $role, $password_hash, $created_at)
on conflict (name) do nothing;
