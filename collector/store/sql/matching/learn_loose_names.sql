-- What decisions outside of any trace are about. Bound: nothing; reads the temporary table changed_decision.
insert into loose_name by name
select distinct c.action as name
from changed_decision as c
anti join loose_name as l on l.name = c.action
where c.trace_id is null and c.action is not null;
