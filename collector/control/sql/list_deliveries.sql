-- What became of one hold everywhere.
-- Bound: $hold_id.
select d.*, i.agent, i.service_instance
from delivery as d
join instance as i using (instance_uid)
where d.hold_id = $hold_id
order by d.delivered_at, d.instance_uid;
