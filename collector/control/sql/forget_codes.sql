-- Sign-in codes that can never be used again.
-- Bound: $now.
delete from sign_in_code
where expires_at <= $now;
