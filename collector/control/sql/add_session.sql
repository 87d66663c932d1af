-- A new session.
-- Bound: $token_hash, $operator, $now.
insert into session (token_hash, operator, created_at, used_at)
values ($token_hash, $operator, $now, $now);
