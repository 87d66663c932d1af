-- Row numbers of incoming metric points that are sealed already.
-- Bound: incoming_key (Arrow: fingerprint, row), $low, $high: the range of measured_at to
-- look in, so that zone maps spare the rest of the table.
select distinct i.row
from archived_metric_point as s
inner join incoming_key as i
    on s.fingerprint = i.fingerprint
where s.measured_at between $low and $high
order by i.row;
