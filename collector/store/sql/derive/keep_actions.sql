-- Keep the actions just derived. Bound: nothing; reads the temporary table told_action.
insert into action by name
select *
from told_action;
