-- Columns of action that an older database lacks; a statement each, because DuckDB alters one at a
-- time. matched_by: how its decision was found (span, tool_call_id, name; trace in what an older
-- database holds). span_outcome: ok, error or unknown, as its span alone tells it.
alter table action add column if not exists matched_by varchar default 'trace';
alter table action add column if not exists span_outcome varchar;
