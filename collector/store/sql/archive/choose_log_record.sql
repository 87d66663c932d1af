-- The rows of log_record to seal next: of one day, in order of arrival, and whether each carries
-- governance: its request or its trace brought a decision, a score or a command.
-- Bound: $since, $until (timestamptz): the day, $received_before (timestamptz), $up_to: the
-- last sequence of this step.
create or replace temp table sealing as
select
    t.rowid as id,
    coalesce(
        t.sequence in (
            select sequence from decision
            union all
            select sequence from trust_point
            union all
            select sequence from command_event
            union all
            select sequence from governance_event
        )
        or t.trace_id in (
            select d.trace_id
            from decision as d
            where d.trace_id is not null and d.decided_at between $since - interval 1 day and $until + interval 1 day
        ),
        false
    ) as governs
from log_record as t
where
    t.logged_at >= $since
    and t.logged_at < $until
    and t.received_at < $received_before
    and t.sequence <= $up_to;
