-- The step on which a key decided.
-- Bound: $decision_key.
select step_id
from budget_step
where decision_key = $decision_key;
