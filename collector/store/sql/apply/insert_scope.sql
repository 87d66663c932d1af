-- Keep the scopes not seen before. Bound: incoming (Arrow: the columns of scope).
insert into scope by name
select i.*
from incoming as i
anti join scope as t using (scope_hash);
