-- Forget every count, to count all again. Bound: nothing.
delete from cost_rollup;
