-- How much is known, and how fresh it is.
-- Bound: nothing.
with
    known as (
        select agent, bool_or(sample) as sample
        from
            (
                select agent, bool_or(sample) as sample from named_run group by agent
                union all
                select agent, bool_or(sample) from named_action group by agent
                union all
                select agent, bool_or(sample) from named_decision group by agent
                union all
                select agent, bool_or(sample) from named_trust_point group by agent
            )
        group by agent
    )
select
    greatest(
        (select max(received_at) from span),
        (select max(received_at) from log_record),
        (select max(received_at) from metric_point),
        (select max(latest_received_at) from sealed_file)
    ) as data_to,
    (select count(*) from span)
    + (select coalesce(sum(rows), 0)::bigint from sealed_file where table_name = 'span') as spans,
    (select count(*) from known) as agents,
    (select count(*) from known where sample) as sample_agents
