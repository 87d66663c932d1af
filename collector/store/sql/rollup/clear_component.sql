-- Forget every count, to count all again. Bound: nothing.
delete from component_rollup;
