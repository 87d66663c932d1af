-- Public view: sequences of actions that a rule looks for, with the action of each step.
create or replace view sequence_matches as
with
    step as (
        select
            m.rule,
            m.key,
            m.first_ns,
            m.completed_at,
            m.completed_ns,
            m.found_at,
            place.n as step,
            m.trace_ids[place.n] as trace_id,
            m.span_ids[place.n] as span_id
        from sequence_match as m
        cross join unnest(range(1, len(m.span_ids) + 1)) as place(n)
    ),
    told as (
        select
            s.*,
            a.agent,
            a.sample,
            a.kind,
            a.name,
            a.outcome,
            a.started_at
        from step as s
        left join named_action as a
            on a.trace_id = s.trace_id
            and a.span_id = s.span_id
            and a.started_at between s.completed_at - interval 31 day and s.completed_at
    )
select
    t.rule,
    json_extract_string(any_value(r.definition), '$.severity') as severity,
    json_extract_string(any_value(r.definition), '$.scope') as scope,
    t.key,
    arg_max(t.agent, t.step) as agent,
    coalesce(bool_or(t.sample), false) as sample,
    make_timestamptz(t.first_ns // 1000) as first_at,
    t.completed_at,
    t.completed_ns,
    lower(hex(arg_max(t.trace_id, t.step))) as trace_id,
    lower(hex(arg_max(t.span_id, t.step))) as span_id,
    list(
        struct_pack(
            step := t.step,
            agent := t.agent,
            kind := t.kind,
            name := t.name,
            outcome := t.outcome,
            started_at := t.started_at,
            trace_id := lower(hex(t.trace_id)),
            span_id := lower(hex(t.span_id))
        )
        order by t.step
    ) as actions,
    any_value(t.found_at) as found_at
from told as t
left join sequence_rule as r on r.rule = t.rule
group by t.rule, t.key, t.first_ns, t.completed_at, t.completed_ns, t.found_at;
