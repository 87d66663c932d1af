-- Spend a sign-in code; no row comes back when it is unknown, used or too old.
-- Bound: $code_hash, $now.
update sign_in_code
set used_at = $now
where code_hash = $code_hash
    and used_at is null
    and expires_at > $now
returning operator;
