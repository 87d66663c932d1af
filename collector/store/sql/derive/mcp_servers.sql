-- Which MCP server each call went to: the name it is told by, on the server's own side its service,
-- else the address that was called. Reads the temporary view evidence; changes the table lineage.
-- Bound: $since, $until (timestamptz).
update lineage
set mcp_server = e.server
from (
    select
        s.trace_id,
        s.span_id,
        coalesce(
            s.attributes ->> '$."mcp.server.name"',
            case when s.kind = 2 then r.service_name end,
            (s.attributes ->> '$."server.address"') || coalesce(':' || (s.attributes ->> '$."server.port"'), '')
        ) as server
    from evidence as s
    left join resource as r using (resource_hash)
    where s.op = 'mcp' and s.started_at between $since and $until
) as e
where lineage.op = 'mcp' and e.trace_id = lineage.trace_id and e.span_id = lineage.span_id;
