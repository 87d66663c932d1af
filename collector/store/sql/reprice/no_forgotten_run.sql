-- No run tells or takes back a cost of its own. Bound: nothing.
create or replace temp table forgotten_run as
from run
limit 0;
