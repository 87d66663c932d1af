-- Every decision as if it were told for the first time, to count them all again.
-- Bound: nothing.
create or replace temp view changed_decision as
select *, 1::bigint as decisions
from decision;
