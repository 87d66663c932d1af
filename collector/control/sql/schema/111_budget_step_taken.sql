-- How many steps were taken lately is asked before each.
create index if not exists budget_step_taken on budget_step (taken_at);
