-- Steps of rolling budgets that are not taken again before costs fall.
-- Bound: nothing.
select series
from budget_step
where rolling = 1 and rearmed_at is null
order by series;
