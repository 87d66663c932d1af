-- Every instance with the place of its last document.
-- Bound: nothing.
select
    i.*,
    (select max(d.epoch) from document as d where d.instance_uid = i.instance_uid) as epoch,
    (
        select d.gen
        from document as d
        where d.instance_uid = i.instance_uid
        order by d.epoch desc, d.gen desc
        limit 1
    ) as gen
from instance as i
order by i.agent, i.first_seen, i.instance_uid;
