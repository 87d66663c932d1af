-- The decisions of the batch that is being stored; the position has not moved yet.
-- Bound: nothing.
create or replace temp table changed_decision as
select *, 1::bigint as decisions
from decision
where sequence > (select max(sequence) from position);
