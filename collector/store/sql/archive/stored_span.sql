-- Row numbers of incoming spans that are sealed already.
-- Bound: incoming_key (Arrow: trace_id, span_id, start_ns, row), $low, $high: the range of start_ns to
-- look in, so that zone maps spare the rest of the table.
select distinct i.row
from archived_span as s
inner join incoming_key as i
    on s.trace_id = i.trace_id
    and s.span_id = i.span_id
    and s.start_ns = i.start_ns
where s.start_ns between $low and $high
order by i.row;
