-- Where derivation finds the spans when it reaches into archived days. Bound: nothing.
create or replace temp view evidence as
select *
from every_span;
