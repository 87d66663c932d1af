-- The tier in the words of whoever reported the score.
alter table trust_point add column if not exists raw_tier varchar;
