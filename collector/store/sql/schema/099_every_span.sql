-- The rows of span and the archived ones.
create or replace view every_span as
select *
from span
union all
select *
from archived_span;
