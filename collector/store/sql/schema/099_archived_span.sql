-- The archived rows of span; none, until the store has looked which files there are.
create or replace view archived_span as
select *
from span
where false;
