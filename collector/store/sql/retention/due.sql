-- How many rows are due and what times they tell, in microseconds. Bound: nothing.
select count(*) as rows, epoch_us(min(told_at)) as first_us, epoch_us(max(told_at)) as last_us
from due;
