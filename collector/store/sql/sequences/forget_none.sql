-- Nothing is taken back. Bound: nothing.
create or replace temp table gone_action as
select *
from sequence_action
limit 0
