-- Say what was deleted. Bound: its columns.
insert into retention_run
values ($deleted_at, $signal, $table_name, $first_at, $last_at, $rows, $path, $sha256, $kept_days);
