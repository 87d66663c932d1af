-- Columns of decision that an older database lacks; a statement each, because DuckDB alters one
-- at a time. docs/decision-event.md says what fills them.
alter table decision add column if not exists told_by varchar;
alter table decision add column if not exists policy_version varchar;
alter table decision add column if not exists engine varchar;
alter table decision add column if not exists agent_version varchar;
alter table decision add column if not exists conversation_id varchar;
alter table decision add column if not exists tool_call_id varchar;
alter table decision add column if not exists user_id varchar;
alter table decision add column if not exists target_type varchar;
alter table decision add column if not exists target_name varchar;
alter table decision add column if not exists target_tier varchar;
alter table decision add column if not exists risk_category varchar;
alter table decision add column if not exists risk_score double;
alter table decision add column if not exists approval_id varchar;
alter table decision add column if not exists approval_outcome varchar;
alter table decision add column if not exists approver varchar;
alter table decision add column if not exists input_hash varchar;
alter table decision add column if not exists duration_ms double;
alter table decision add column if not exists error_type varchar;
alter table decision add column if not exists state_gen bigint;
alter table decision add column if not exists state_epoch bigint;
