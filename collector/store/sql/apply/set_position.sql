-- Everything up to here has been applied and counted. Bound: $sequence.
update position
set sequence = $sequence, counted = $sequence;
