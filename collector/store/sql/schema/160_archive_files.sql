-- Public view: the files of the archive, their rows and their SHA-256.
create or replace view archive_files as
select
    case table_name when 'span' then 'spans' when 'log_record' then 'logs' else 'metrics' end as signal,
    day,
    carries,
    path,
    rows,
    bytes,
    sha256,
    first_at,
    last_at,
    latest_received_at,
    sealed_at
from sealed_file;
