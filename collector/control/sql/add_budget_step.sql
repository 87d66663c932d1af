-- A step of a budget is taken; no row when it was taken before.
-- Bound: every column but those of a person's decision and of re-arming.
insert into budget_step (
    step_id, series, number, rolling, budget, agent, act, hold, at_share, amount_usd, usd,
    unpriced_calls, since, lasts_s, models, sample, taken_at, state, note, command_id
)
values (
    $step_id, $series, $number, $rolling, $budget, $agent, $act, $hold, $at_share, $amount_usd, $usd,
    $unpriced_calls, $since, $lasts_s, $models, $sample, $taken_at, $state, $note, $command_id
)
on conflict (series, number) do nothing;
