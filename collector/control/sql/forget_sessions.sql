-- Sessions that can never be used again.
-- Bound: $created_before.
delete from session
where created_at <= $created_before;
