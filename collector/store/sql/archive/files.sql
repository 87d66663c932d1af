-- The manifest, in order of time; times in microseconds. Bound: nothing.
select
    table_name,
    day,
    carries,
    path,
    rows,
    bytes,
    sha256,
    columns,
    epoch_us(first_at) as first_us,
    epoch_us(last_at) as last_us,
    epoch_us(latest_received_at) as received_us,
    epoch_us(sealed_at) as sealed_us
from sealed_file
order by table_name, day, path;
