-- The archived rows of metric_point; none, until the store has looked which files there are.
create or replace view archived_metric_point as
select *
from metric_point
where false;
