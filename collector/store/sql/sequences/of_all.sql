-- Where steps are looked for: in all actions that are kept. Bound: nothing.
create or replace temp view sequence_source as
select *
from action
