-- A further start. The clock keeps the order even after a restored backup.
-- Bound: $unix_s (integer).
update incarnation
set epoch = max(epoch + 1, $unix_s)
returning epoch;
