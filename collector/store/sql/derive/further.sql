-- Traces that change although the batch tells nothing of them, with a moment at which a row of each lies:
-- first those of runs whose own span has not told how they ended, of agents that a kill just told about
-- reached. Rows of the batch are those behind the position.
-- Bound: nothing.
create or replace temp table further as
select r.trace_id, r.started_at as told_at
from command_event as e
inner join run as r
    on r.agent = e.agent
    and r.started_at between e.told_at - interval 6 hours and e.told_at
where
    e.sequence > (select coalesce(max(sequence), 0) from position)
    and e.kind = 'kill'
    and e.phase in ('acked', 'enforced')
    and r.ended_by is distinct from 'span';
