-- Forget every count, to count all again. Bound: nothing.
delete from event_rollup;
