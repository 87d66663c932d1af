-- A person decides on a proposal; no row changes when somebody was faster.
-- Bound: $step_id, $state, $command_id (or null), $decided_by, $decided_at, $decision_reason, $decision_key.
update budget_step
set
    state = $state,
    command_id = $command_id,
    decided_by = $decided_by,
    decided_at = $decided_at,
    decision_reason = $decision_reason,
    decision_key = $decision_key
where step_id = $step_id and state = 'proposed';
