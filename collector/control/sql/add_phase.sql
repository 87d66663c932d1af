-- A phase was reached; the first time counts.
-- Bound: $command_id, $phase, $reached_at, $actor (or null).
insert into phase (command_id, phase, reached_at, actor)
values ($command_id, $phase, $reached_at, $actor)
on conflict (command_id, phase) do nothing;
