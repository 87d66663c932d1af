-- The session is in use.
-- Bound: $token_hash, $now.
update session
set used_at = $now
where token_hash = $token_hash;
