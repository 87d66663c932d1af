-- How much is known, and how fresh it is.
-- Bound: nothing.
select
    greatest(
        (select max(received_at) from span),
        (select max(received_at) from log_record),
        (select max(received_at) from metric_point),
        (select max(latest_received_at) from sealed_file)
    ) as data_to,
    (select count(*) from span)
    + (select coalesce(sum(rows), 0)::bigint from sealed_file where table_name = 'span') as spans,
    (select count(*) from agents) as agents,
    (select count(*) from agents where sample) as sample_agents
