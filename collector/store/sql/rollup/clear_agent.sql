-- Forget every count, to count all again. Bound: nothing.
delete from agent_rollup;
