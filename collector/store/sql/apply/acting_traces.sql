-- Which of the incoming traces have an action already.
-- Bound: incoming_trace (Arrow: trace_id, unique), $low, $high (timestamptz): the range of
-- starts to look in.
select i.trace_id
from incoming_trace as i
where i.trace_id in (
    select a.trace_id
    from action as a
    where a.started_at between $low and $high
)
order by i.trace_id;
