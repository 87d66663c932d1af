-- Where derivation finds the spans when it reaches into archived days, and what log records tell
-- as spans would. Bound: nothing.
create or replace temp view evidence as
select *
from every_span
union all by name
select
    *,
    0::integer as kind,
    '' as status_message,
    '{}'::json as attributes
from logged_call;
