-- Where derivation finds the spans: those that are not archived. Bound: nothing.
create or replace temp view evidence as
select *
from span;
