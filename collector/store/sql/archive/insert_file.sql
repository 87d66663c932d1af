-- A sealed file enters the manifest. Bound: its columns.
insert into sealed_file
values (
    $table_name,
    $day,
    $carries,
    $path,
    $rows,
    $bytes,
    $sha256,
    $columns,
    $first_at,
    $last_at,
    $latest_received_at,
    $sealed_at
);
