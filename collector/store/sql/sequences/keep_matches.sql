-- Keeps matches. Bound: nothing; reads the registered table found_match.
insert into sequence_match by name
select *
from found_match
