-- Takes back what is noted of the actions of renamed agents for rules that ask for the agent, and
-- remembers it. Bound: nothing; reads the temporary view sequence_source and the registered table
-- sequence_step.
create or replace temp table gone_action as
with
    gone as (
        delete from sequence_action
        where
            rule in (select rule from sequence_step)
            and (trace_id, span_id) in (select (trace_id, span_id) from sequence_source)
        returning *
    )
select *
from gone
