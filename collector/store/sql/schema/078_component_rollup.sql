-- What agents are made of, counted by hour of start: models, providers, tools, MCP servers, plugins,
-- frameworks and instrumentations. Rows are partial: their sum counts, and what derivation takes back
-- is written as a negative count. origin: a model's provider, a tool's MCP server.
create table if not exists component_rollup (
    seen_in timestamptz not null,
    agent varchar not null,
    sample boolean not null,
    kind varchar not null,
    name varchar not null,
    version varchar,
    origin varchar,
    events bigint not null
);
