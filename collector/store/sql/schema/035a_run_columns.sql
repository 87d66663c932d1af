-- Columns of run that an older database lacks. ended_by: span, control, or null when nobody told the
-- end; what an older database holds was told by spans alone.
alter table run add column if not exists ended_by varchar default 'span';
