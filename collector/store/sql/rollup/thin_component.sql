-- Forget the partial counts of crowded steps, which are added up already.
-- Bound: nothing; reads the temporary table crowded.
delete from component_rollup
where seen_in in (select step from crowded);
