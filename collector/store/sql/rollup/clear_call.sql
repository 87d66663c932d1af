-- Forget every count, to count all again. Bound: nothing.
delete from call_rollup;
