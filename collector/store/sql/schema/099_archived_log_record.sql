-- The archived rows of log_record; none, until the store has looked which files there are.
create or replace view archived_log_record as
select *
from log_record
where false;
