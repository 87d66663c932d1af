-- Note traces to be derived later; one that waits already keeps its place.
-- Bound: incoming_trace (Arrow: trace_id, unique), $behind: the position before their batch.
insert into underived_trace (trace_id, behind, failures)
select i.trace_id, $behind, 0
from incoming_trace as i
anti join underived_trace as t using (trace_id);
