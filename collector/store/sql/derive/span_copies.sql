-- Takes back what the attributes of a span told of a guardrail or a threat, where an event of that
-- span tells it too: in the event more is known. Remembers them as what changed.
-- Bound: $since_ns, $until_ns (bigint).
create or replace temp table changed_decision as
with
    gone as (
        delete from decision as copy
        where
            copy.decided_ns between $since_ns and $until_ns
            and copy.dialect in ('otel_guardrail', 'otel_threat')
            and copy.told_by = 'span'
            and exists (
                from decision as told
                where
                    told.decided_ns between $since_ns and $until_ns
                    and told.dialect = copy.dialect
                    and told.told_by in ('log', 'span_event')
                    and told.trace_id = copy.trace_id
                    and told.span_id = copy.span_id
            )
        returning *
    )
select *, -1::bigint as decisions
from gone;
