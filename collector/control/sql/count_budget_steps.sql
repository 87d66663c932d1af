-- How many steps were taken since a moment, and how many agents were stopped by them.
-- Bound: $since.
select
    count(*) as steps,
    count(distinct case when state = 'pushed' and hold in ('pause', 'kill') then agent end) as stopped
from budget_step
where taken_at > $since;
