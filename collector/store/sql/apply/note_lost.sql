-- Requests whose numbers the log does not hold any more, told once for each gap.
-- Bound: $first, $last (ubigint, the gap), $found_at (timestamptz).
insert into refused_record (sequence, received_at, source, signal, reason, records, detail)
select
    $last,
    $found_at,
    'write-ahead log',
    'unknown',
    'damaged_in_log',
    $last - $first + 1,
    format(
        'requests {} to {} of the log are missing or damaged on the disk; when they came and what '
        'was in them is not known. Damaged bytes are kept beside the log, in files that end in '
        '.damaged. If they were torn by a loss of power, nobody was told that they were accepted',
        $first,
        $last
    )
where not exists (
    select 1
    from refused_record
    where reason = 'damaged_in_log' and sequence = $last
);
