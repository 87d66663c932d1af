-- The ranges that the folded ones cover together. Bound: nothing.
insert into sequence_range by name
select
    min(first_at) as first_at,
    max(last_at) as last_at,
    source,
    signal,
    service_name,
    instance,
    bool_or(sample) as sample,
    stream,
    min(low) as low,
    max(high) as high
from folding
group by source, signal, service_name, instance, stream, island;
