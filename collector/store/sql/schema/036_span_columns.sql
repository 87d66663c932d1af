-- Columns of span that an older database lacks; a statement each, because DuckDB alters one at a time.
alter table span add column if not exists agent_version varchar;
alter table span add column if not exists workflow varchar;
alter table span add column if not exists cache_read_tokens bigint;
alter table span add column if not exists cache_write_tokens bigint;
alter table span add column if not exists reasoning_tokens bigint;
