-- The command that an idempotency key released.
-- Bound: $release_key.
select *
from command
where release_key = $release_key;
