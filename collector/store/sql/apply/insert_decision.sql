-- Keep the decisions not told before; answers with what was kept.
-- Bound: incoming (Arrow: the columns of decision).
insert into decision by name
select i.*
from incoming as i
anti join decision as t using (decision_id)
returning hold_id;
