-- Verdicts of MCP gateways that their sender tells by lines of its log, one by one: units of its
-- counter for the same agent, tool and verdict tell nothing new, however late they come.
create table if not exists gateway_line (
    instance varchar,
    agent varchar not null,
    action varchar,
    verdict varchar not null
);
