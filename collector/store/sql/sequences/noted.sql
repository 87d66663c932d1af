-- The noted actions of the touched keys, with the steps each fits: of each key and step the newest
-- so many, so that a flood of one step hides no other. Bound: $most_a_step, $most; reads the
-- registered table sequence_key (rule, key, since_ns, until_ns).
with
    near as (
        select a.*
        from sequence_action as a
        inner join sequence_key as k
            on k.rule = a.rule
            and k.key = a.key
            and a.start_ns between k.since_ns and k.until_ns
        qualify row_number() over (
            partition by a.rule, a.key, a.step
            order by a.start_ns desc, a.trace_id, a.span_id
        ) <= $most_a_step
    ),
    action as (
        select rule, key, trace_id, span_id, start_ns, list(distinct step) as fits
        from near
        group by rule, key, trace_id, span_id, start_ns
        order by start_ns desc, rule, key, trace_id, span_id
        limit $most
    )
select rule, key, trace_id, span_id, start_ns, fits
from action
order by rule, key, start_ns, trace_id, span_id
