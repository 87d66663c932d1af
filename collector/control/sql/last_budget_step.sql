-- The last time that a step was taken.
-- Bound: $series.
select *
from budget_step
where series = $series
order by number desc
limit 1;
