-- Keep the governance events not told before.
-- Bound: incoming (Arrow: the columns of governance_event).
insert into governance_event by name
select i.*
from incoming as i
anti join governance_event as t using (event_id);
