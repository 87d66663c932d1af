-- How many rows of log_record one file is to hold, and what they span.
-- Bound: $governs; reads the temporary table sealing.
select
    count(*) as rows,
    epoch_us(min(logged_at)) as first_us,
    epoch_us(max(logged_at)) as last_us,
    epoch_us(max(received_at)) as received_us,
    min(sequence) as low,
    max(sequence) as high
from log_record
where rowid in (select id from sealing where governs = $governs);
