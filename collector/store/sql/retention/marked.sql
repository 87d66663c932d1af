-- The last sequence known to have arrived before a moment, or zero. Bound: $before.
select coalesce(max(sequence), 0) as sequence
from position_mark
where marked_at < $before;
