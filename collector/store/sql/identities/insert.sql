-- The decisions of the file. Bound: nothing; reads the registered table incoming_act.
insert into identity_act by name
select *
from incoming_act
