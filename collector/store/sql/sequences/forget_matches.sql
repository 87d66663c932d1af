-- Takes back the matches of the touched keys that were completed where something changed. One whose
-- first action is no longer noted because it is too old cannot be judged anew, and stays.
-- Bound: $thinned_ns (noted actions before are forgotten); reads the temporary table gone_action and
-- the registered table sequence_key (rule, key, since_ns, completed_from_ns, until_ns).
delete from sequence_match as m
using sequence_key as k
where
    k.rule = m.rule
    and k.key = m.key
    and m.completed_ns between k.completed_from_ns and k.until_ns
    and (
        m.first_ns >= $thinned_ns
        or (m.rule, m.trace_ids[1], m.span_ids[1]) in (
            select (rule, trace_id, span_id)
            from gone_action
            union all
            select (a.rule, a.trace_id, a.span_id)
            from sequence_action as a
            inner join sequence_key as old
                on old.rule = a.rule
                and old.key = a.key
                and old.since_ns < $thinned_ns
        )
    )
returning m.rule, m.trace_ids, m.span_ids, epoch_us(m.found_at) as found_us
