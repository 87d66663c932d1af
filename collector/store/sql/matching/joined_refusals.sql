-- What is said to be told in a run now and was not. Bound: nothing; reads the temporary table paired_refusal.
create or replace temp table joined_refusal as
select p.*
from paired_refusal as p
anti join loose_refusal as m using (decision_id, trace_id, span_id);
