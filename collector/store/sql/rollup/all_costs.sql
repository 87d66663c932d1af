-- Every call of a model as if it were told for the first time, to count them all again.
-- Bound: nothing.
create or replace temp view changed_cost as
select 1 as calls, *
from action
where kind in ('model', 'embedding') and outcome <> 'denied'
union all by name
select 1 as calls, *
from run
where tells_usage and outcome <> 'denied';
