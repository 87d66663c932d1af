-- Public view: burn rates over time.
create or replace view burn_rates as
select objective, agent, judged_at as "at", window_label as "window", window_s, good, bad, burn
from burn;
