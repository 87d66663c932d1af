-- Public view: what was deleted because its time was over.
create or replace view retention_runs as
select deleted_at, signal, table_name, first_at, last_at, rows, path, sha256, kept_days
from retention_run;
