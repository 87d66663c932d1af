-- Writes a page whose content does not matter, to learn whether the disk takes it.
-- An update to the same value would write nothing.
-- Bound: nothing.
pragma user_version = 1;
