-- The document that an instance answers to.
-- Bound: $instance_uid, $body_hash.
select *
from document
where instance_uid = $instance_uid
    and body_hash = $body_hash;
