-- Forget every count, to count all again. Bound: nothing.
delete from latency_rollup;
