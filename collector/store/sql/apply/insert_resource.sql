-- Keep the resources not seen before. Bound: incoming (Arrow: the columns of resource).
insert into resource by name
select i.*
from incoming as i
anti join resource as t using (resource_hash);
