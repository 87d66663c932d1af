-- Calls of models and what they cost, counted by hour of start. Rows are partial: their sum counts,
-- and what derivation takes back is written as a negative count. Costs are decimal, so that what is
-- taken back leaves nothing. cost_origin is null for calls whose cost is not known; model and
-- provider are null where a run tells its own usage.
create table if not exists cost_rollup (
    started_in timestamptz not null,
    agent varchar not null,
    environment varchar,
    sample boolean not null,
    model varchar,
    provider varchar,
    cost_origin varchar,
    calls bigint not null,
    cost_usd decimal(38, 12) not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cache_read_tokens bigint not null,
    cache_write_tokens bigint not null
);
