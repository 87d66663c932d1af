-- Columns of costs that an older database lacks; a statement each, because DuckDB alters one at a time.
-- cost_origin: told by the telemetry, computed from a price, or of a run mixed.
-- unpriced_calls: calls of models in a run whose cost is not known, so not in cost_usd.
-- tells_usage: no call of a model was told, so the run's own tokens and cost stand for them.
alter table action add column if not exists provider varchar;
alter table action add column if not exists cost_origin varchar;
alter table run add column if not exists cost_origin varchar;
alter table run add column if not exists unpriced_calls bigint;
alter table run add column if not exists tells_usage boolean;
