-- Takes back the matches of the touched keys that were completed where something changed.
-- Bound: nothing; reads the registered table sequence_key (rule, key, completed_from_ns, until_ns).
delete from sequence_match as m
using sequence_key as k
where
    k.rule = m.rule
    and k.key = m.key
    and m.completed_ns between k.completed_from_ns and k.until_ns
returning m.rule, m.key, m.trace_ids, m.span_ids, epoch_us(m.found_at) as found_us
