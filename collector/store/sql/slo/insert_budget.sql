-- Keep what was judged.
-- Bound: the registered table judged_budget.
insert into budget
by name
select objective, agent, judged_at, good, bad, total, target, budget_left, state, reason
from judged_budget
