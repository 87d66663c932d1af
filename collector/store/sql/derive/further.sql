-- Traces that change although the batch tells nothing of them, with a moment at which a row of each lies:
-- first those of runs whose own span has not told how they ended, of agents that a kill just told about
-- reached. Rows of the batch are those behind the position.
-- Bound: nothing.
create or replace temp table further as
with
    kill as (
        select distinct agent, told_at
        from command_event
        where
            sequence > (select coalesce(max(sequence), 0) from position)
            and kind = 'kill'
            and phase in ('acked', 'enforced')
    )
select r.trace_id, r.started_at as told_at
from run as r
semi join kill as k
    on k.agent = r.agent
    and r.started_at between k.told_at - interval 6 hours and k.told_at
where r.ended_by is distinct from 'span';
