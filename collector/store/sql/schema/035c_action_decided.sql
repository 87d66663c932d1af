-- Columns of action that an older database lacks; a statement each, because DuckDB alters one at a
-- time. decision_mode: the mode of its decision, as told. refused: whether a decision in force said
-- that it must not happen, or not yet; null in what an older database holds.
alter table action add column if not exists decision_mode varchar;
alter table action add column if not exists refused boolean;
