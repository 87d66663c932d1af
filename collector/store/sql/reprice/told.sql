-- These calls as they are now. Bound: nothing; reads the temporary tables forgotten_action and
-- repriced.
create or replace temp table told_action as
select
    f.* replace (
        r.cost_usd as cost_usd,
        case when r.cost_usd is not null then 'computed' end as cost_origin
    )
from forgotten_action as f
inner join repriced as r on r.trace_id = f.trace_id and r.span_id = f.span_id;
