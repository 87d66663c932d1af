-- Whether any slot is to be matched. Bound: nothing.
select exists (from unmatched_slot) as waits;
