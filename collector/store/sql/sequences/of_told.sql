-- Where steps are looked for: in the actions just derived. Bound: nothing.
create or replace temp view sequence_source as
select *
from told_action
