-- Where derivation finds the spans: those that are not archived, and what log records tell as
-- spans would. Bound: nothing.
create or replace temp view evidence as
select *
from span
union all by name
select
    *,
    0::integer as kind,
    '' as status_message,
    '{}'::json as attributes
from logged_call;
