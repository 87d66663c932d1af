-- Keep the burn rates that were read.
-- Bound: the registered table judged_burn.
insert into burn
by name
select objective, agent, judged_at, window_label, window_s, good, bad, burn
from judged_burn
