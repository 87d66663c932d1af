-- What these models cost, and when. Bound: nothing; reads the registered table priced.
create or replace temp table model_price as
select *
from priced;
