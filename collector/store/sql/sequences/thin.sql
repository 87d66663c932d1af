-- Forgets noted actions that are too old to be part of a sequence. Bound: $before (timestamptz).
delete from sequence_action
where started_at < $before
