-- Traces that began within a window, newest first. A trace that began earlier is not in it,
-- even if some of its spans are: spans up to a day older tell when it began.
-- A text of the form key=value is that of an attribute; any other is part of a name or id.
-- Bound: $window_start, $until (timestamptz), $agent, $outcome, $text, $before_ns (or null), $limit.
with
    touched as (
        select distinct trace_id
        from every_span
        where
            started_at >= $window_start
            and started_at < $until
            and ($before_ns is null or start_ns < $before_ns)
    ),
    whole as (
        select
            s.trace_id,
            min(s.start_ns) as start_ns,
            min(s.started_at) as started_at,
            arg_min(s.name, (s.parent_span_id is not null, s.start_ns)) as name,
            (max(s.end_ns) - min(s.start_ns)) / 1e6 as duration_ms,
            count(*) as spans,
            bool_or(s.status_code = 2) as failed,
            bool_or(coalesce(r.sample, false)) as sample,
            bool_or(
                strpos($text, '=') > 1
                and (
                    json_contains(
                        s.attributes,
                        json_object(split_part($text, '=', 1), substr($text, strpos($text, '=') + 1))
                    )
                    -- Numbers and truth values are not written as texts.
                    or json_contains(
                        s.attributes,
                        json_object(
                            split_part($text, '=', 1),
                            try_cast(substr($text, strpos($text, '=') + 1) as json)
                        )
                    )
                )
                or $text is not null
                and contains(
                    lower(concat_ws(' ', s.name, s.tool_name, s.model, s.agent_name, s.conversation_id, hex(s.trace_id))),
                    lower($text)
                )
            ) as has_text
        from every_span as s
        semi join touched using (trace_id)
        left join resource as r using (resource_hash)
        where s.started_at >= $window_start - interval 1 day
        group by s.trace_id
        having
            min(s.started_at) >= $window_start
            and min(s.started_at) < $until
            and ($before_ns is null or min(s.start_ns) < $before_ns)
            and ($text is null or has_text)
    ),
    ran as (
        select trace_id, arg_min(agent, start_ns) as agent, arg_min(outcome, start_ns) as outcome
        from named_run
        semi join whole using (trace_id)
        where started_at >= $window_start - interval 1 day
        group by trace_id
    ),
    acted as (
        select
            trace_id,
            arg_min(agent, start_ns) as agent,
            count(*) as actions,
            count(*) filter (where outcome = 'error') as errors,
            count(*) filter (where outcome = 'denied') as denials,
            sum(input_tokens)::bigint as input_tokens,
            sum(output_tokens)::bigint as output_tokens
        from named_action
        semi join whole using (trace_id)
        where started_at >= $window_start - interval 1 day
        group by trace_id
    ),
    judged as (
        select
            trace_id,
            arg_min(agent, decided_ns) as agent,
            count(*) filter (where verdict = 'deny') as denied
        from named_decision
        semi join whole using (trace_id)
        where decided_at >= $window_start - interval 1 day
        group by trace_id
    ),
    trace as (
        select
            trace_id,
            started_at,
            start_ns,
            name,
            coalesce(ran.agent, acted.agent, judged.agent) as agent,
            sample,
            duration_ms,
            spans,
            coalesce(actions, 0) as actions,
            coalesce(errors, 0) as errors,
            coalesce(denied, 0) as denied,
            input_tokens,
            output_tokens,
            coalesce(
                ran.outcome,
                case
                    when denials > 0 then 'denied'
                    when errors > 0 or failed then 'error'
                    when actions > 0 then 'ok'
                    else 'unknown'
                end
            ) as outcome
        from whole
        left join ran using (trace_id)
        left join acted using (trace_id)
        left join judged using (trace_id)
    )
select
    lower(hex(trace_id)) as trace_id,
    started_at,
    start_ns,
    name,
    agent,
    sample,
    duration_ms,
    spans,
    actions,
    errors,
    denied,
    input_tokens,
    output_tokens,
    outcome
from trace
where ($agent is null or agent = $agent) and ($outcome is null or outcome = $outcome)
order by start_ns desc, trace_id
limit $limit
