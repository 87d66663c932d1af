-- Until when the next part goes: so many calls of models, and all that began with the last of them.
-- Bound: $since_ns, $until_ns, $most.
select max(start_ns)
from (
    select start_ns
    from action
    where kind in ('model', 'embedding')
        and start_ns >= $since_ns
        and start_ns < $until_ns
    order by start_ns
    limit $most
);
