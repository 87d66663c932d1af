-- The rollups count all that is stored. Bound: nothing.
update position
set counted = sequence;
