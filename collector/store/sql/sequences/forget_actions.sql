-- Takes back the noted actions that derivation took back, and remembers them. Bound: nothing; reads
-- the temporary table forgotten_action.
create or replace temp table gone_action as
with
    gone as (
        delete from sequence_action
        where (trace_id, span_id) in (select (trace_id, span_id) from forgotten_action)
        returning *
    )
select *
from gone
