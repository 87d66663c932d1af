-- Whether spans that started at or after a moment are archived, and up to which start spans
-- were deleted because their time was over (microseconds, or null). Bound: $since (timestamptz).
select
    (select count(*) > 0 from sealed_file where table_name = 'span' and last_at >= $since) as is_archived,
    (select epoch_us(max(last_at)) from retention_run where table_name = 'span') as forgotten_until_us
