-- Keep the new costs of calls. Bound: $since_ns, $last_ns; reads the temporary table told_action.
update action as a
set
    cost_usd = t.cost_usd,
    cost_origin = t.cost_origin
from told_action as t
where
    a.start_ns between $since_ns and $last_ns
    and a.kind = t.kind
    and a.trace_id = t.trace_id
    and a.span_id = t.span_id;
