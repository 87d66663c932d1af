-- Whether the touched traces call an MCP server. Bound: nothing; reads the temporary table lineage.
select exists (from lineage where op = 'mcp') as calls_mcp;
