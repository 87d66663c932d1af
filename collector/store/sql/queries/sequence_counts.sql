-- How many sequences each rule found, and when the last was completed. Bound: nothing.
select
    rule,
    count(*) as matches,
    max(completed_at) as last_at
from sequence_match
group by rule
order by rule
