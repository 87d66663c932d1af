-- One operator.
-- Bound: $name.
select name, role, password_hash
from operator
where name = $name;
