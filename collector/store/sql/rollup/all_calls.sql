-- Every call of a tool or a model as if it were told for the first time, to count them all again.
-- Bound: nothing.
create or replace temp view changed_call as
select 1 as calls, *
from action
where kind in ('tool', 'model');
