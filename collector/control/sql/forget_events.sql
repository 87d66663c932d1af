-- The collector has stored these.
-- Bound: $last.
delete from spool
where id <= $last;
