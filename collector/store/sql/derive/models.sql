-- The models that were called and told no cost, with their providers.
-- Bound: nothing; reads the temporary table called.
select distinct
    model,
    provider
from called
where kind in ('model', 'embedding') and model is not null and cost_usd is null;
