-- What is matched now and was not. Bound: nothing; reads the temporary table paired.
create or replace temp table joined as
select p.*
from paired as p
anti join loose_match as m
    on m.decision_id = p.decision_id
    and m.trace_id = p.trace_id
    and m.span_id = p.span_id
    and m.ended_ns = p.ended_ns;
