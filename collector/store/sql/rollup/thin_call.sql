-- Forget the partial counts of crowded steps, which are added up already.
-- Bound: nothing; reads the temporary table crowded.
delete from call_rollup
where started_in in (select step from crowded);
