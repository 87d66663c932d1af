-- Decisions in the touched traces, with the call each was about: the span it names, else the
-- nearest call of that name in the trace by the same agent or by whichever agent there is.
-- Bound: $since, $until (timestamptz).
create or replace temp table judged as
with
    traced as (
        select
            decision_id,
            trace_id,
            span_id,
            agent,
            action,
            effect,
            source,
            decided_ns
        from decision
        where
            trace_id is not null
            and decided_at between $since and $until
            and trace_id in (select trace_id from touched)
    ),
    candidates as (
        select
            t.decision_id,
            c.span_id as action_span_id,
            row_number() over (
                partition by t.decision_id
                order by
                    (c.span_id is not distinct from t.span_id) desc,
                    (c.agent = t.agent) desc,
                    abs(c.start_ns - t.decided_ns),
                    c.start_ns,
                    c.span_id
            ) as place
        from traced as t
        inner join called as c
            on c.trace_id = t.trace_id
            and c.kind <> 'agent'
            and (c.span_id = t.span_id or c.name = t.action or c.model = t.action)
    )
select
    t.*,
    c.action_span_id,
    -- Set when an agent of this name runs in the trace; else the decision concerns every run.
    exists (
        from called as r
        where r.trace_id = t.trace_id and r.kind = 'agent' and r.agent = t.agent
    ) as concerns_one
from traced as t
left join candidates as c on c.decision_id = t.decision_id and c.place = 1;
