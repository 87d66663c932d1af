-- How many slots are due, and between which moments their decisions and calls lie: microseconds.
-- Bound: nothing; reads the temporary table due_slot.
select
    count(*) as slots,
    (min(slot) - 1) * 120000000 as since_us,
    (max(slot) + 2) * 120000000 as until_us
from due_slot;
