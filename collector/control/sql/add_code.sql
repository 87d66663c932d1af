-- A new sign-in code.
-- Bound: $code_hash, $operator, $expires_at.
insert into sign_in_code (code_hash, operator, expires_at)
values ($code_hash, $operator, $expires_at);
