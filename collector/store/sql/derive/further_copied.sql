-- Further traces: those from which a copy of a decision was just taken back.
-- Bound: nothing; reads the temporary table changed_decision.
insert into further by name
select trace_id, decided_at as told_at
from changed_decision
where trace_id is not null;
