-- Everything up to here has been applied. Bound: $sequence.
update position
set sequence = $sequence;
