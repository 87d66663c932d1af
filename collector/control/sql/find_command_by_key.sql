-- The command that an idempotency key created.
-- Bound: $idempotency_key.
select *
from command
where idempotency_key = $idempotency_key;
