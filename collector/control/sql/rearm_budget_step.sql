-- Costs fell: the step of a rolling budget may be taken again.
-- Bound: $step_id, $rearmed_at.
update budget_step
set rearmed_at = $rearmed_at
where step_id = $step_id and rolling = 1 and rearmed_at is null;
