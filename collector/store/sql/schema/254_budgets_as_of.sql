-- Public macro: the latest judgement of each objective and agent at a moment. A judgement is known
-- from the time at which it is made.
create or replace macro budgets_as_of(told_until, known_until) as table
select
    objective,
    agent,
    arg_max(state, judged_at) as state,
    arg_max(budget_left, judged_at) as budget_left,
    arg_max(target, judged_at) as target,
    max(judged_at) as judged_at
from budget
where judged_at <= least(cast(told_until as timestamptz), cast(known_until as timestamptz))
group by objective, agent;
