-- Columns of the inventory that an older database lacks; a statement each, because DuckDB alters one at a time.
alter table action add column if not exists mcp_server varchar;
alter table action add column if not exists scope_hash uhugeint;
alter table run add column if not exists scope_hash uhugeint;
