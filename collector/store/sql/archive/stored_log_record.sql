-- Row numbers of incoming log records that are sealed already.
-- Bound: incoming_key (Arrow: fingerprint, row), $low, $high: the range of logged_at to
-- look in, so that zone maps spare the rest of the table.
select distinct i.row
from archived_log_record as s
inner join incoming_key as i
    on s.fingerprint = i.fingerprint
where s.logged_at between $low and $high
order by i.row;
