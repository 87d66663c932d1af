-- Keep the calls not told before.
-- Bound: incoming (Arrow: the columns of logged_call).
insert into logged_call by name
select i.*
from incoming as i
anti join logged_call as t using (trace_id, span_id, start_ns);
