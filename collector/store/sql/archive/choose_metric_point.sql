-- The rows of metric_point to seal next: of one day, in order of arrival, and whether each carries
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
        ),
        false
    ) as governs
from metric_point as t
where
    t.measured_at >= $since
    and t.measured_at < $until
    and t.received_at < $received_before
    and t.sequence <= $up_to;
