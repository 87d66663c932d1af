-- Traces whose runs and actions are still to be derived, because deriving them failed.
-- behind: the position before the batch that touched the trace first. The empty trace stands
-- for a batch that told decisions or scores outside of any trace. failures: how often
-- deriving this trace alone failed.
create table if not exists underived_trace (
    trace_id blob not null,
    behind ubigint not null,
    failures ubigint not null
);
