-- A command changes its state; no row changes when somebody was faster.
-- Bound: $command_id, $expected, $state.
update command
set state = $state
where command_id = $command_id
    and state = $expected;
