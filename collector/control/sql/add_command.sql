-- A command with its hold, signed.
-- Bound: every column but those of the release.
insert into command (
    command_id, hold_id, kind, agent_name, instance, reason, profile, actor, origin,
    issued_at, expires_at, state, idempotency_key, signature, sample
)
values (
    $command_id, $hold_id, $kind, $agent_name, $instance, $reason, $profile, $actor, $origin,
    $issued_at, $expires_at, $state, $idempotency_key, $signature, $sample
);
