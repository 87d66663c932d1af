-- When the record that told it came in; null for rows of a store that did not keep it yet.
alter table trust_point add column if not exists received_at timestamptz;
