-- A hold ends by a person's act; no row changes when it has already ended.
-- Bound: $command_id, $expected, $released_by, $release_reason, $release_key.
update command
set
    state = 'released',
    released_by = $released_by,
    release_reason = $release_reason,
    release_key = $release_key
where command_id = $command_id
    and state = $expected;
