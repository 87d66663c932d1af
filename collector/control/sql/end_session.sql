-- Sign out.
-- Bound: $token_hash, $now.
update session
set ended_at = $now
where token_hash = $token_hash
    and ended_at is null;
