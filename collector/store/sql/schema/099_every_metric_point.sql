-- The rows of metric_point and the archived ones.
create or replace view every_metric_point as
select *
from metric_point
union all
select *
from archived_metric_point;
