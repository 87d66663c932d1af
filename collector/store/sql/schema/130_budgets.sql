-- Public view: error budgets over time.
create or replace view budgets as
select objective, agent, judged_at as "at", good, bad, total, target, budget_left, state, reason
from budget;
