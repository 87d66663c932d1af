-- The newest document of one audience.
-- Bound: $instance_uid.
select *
from document
where instance_uid = $instance_uid
order by epoch desc, gen desc
limit 1;
