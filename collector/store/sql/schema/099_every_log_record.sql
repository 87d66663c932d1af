-- The rows of log_record and the archived ones.
create or replace view every_log_record as
select *
from log_record
union all
select *
from archived_log_record;
