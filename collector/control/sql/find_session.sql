-- A session that is still open, with the rights of its operator.
-- Bound: $token_hash, $created_after, $used_after.
select s.token_hash, s.operator, s.created_at, s.used_at, o.role
from session as s
join operator as o on o.name = s.operator
where s.token_hash = $token_hash
    and s.ended_at is null
    and s.created_at > $created_after
    and s.used_at > $used_after;
