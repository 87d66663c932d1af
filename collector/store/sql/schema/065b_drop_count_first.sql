-- When the first of the readings that a row stands for came; null for a single one.
alter table drop_count add column if not exists first_at timestamptz;
