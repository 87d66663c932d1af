-- One instance.
-- Bound: $instance_uid.
select *
from instance
where instance_uid = $instance_uid;
