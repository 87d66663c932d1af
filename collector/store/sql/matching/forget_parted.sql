-- Bound: nothing; reads the temporary table parted.
delete from loose_match as m
where exists (
    from parted as p
    where p.decision_id = m.decision_id and p.trace_id = m.trace_id and p.span_id = m.span_id and p.ended_ns = m.ended_ns
);
