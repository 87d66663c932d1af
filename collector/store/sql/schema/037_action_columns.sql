-- Columns of action that an older database lacks; a statement each, because DuckDB alters one at a time.
alter table action add column if not exists cache_read_tokens bigint;
alter table action add column if not exists cache_write_tokens bigint;
alter table action add column if not exists reasoning_tokens bigint;
