-- The holds in force are found by their state.
create index if not exists command_state on command (state, agent_name);
