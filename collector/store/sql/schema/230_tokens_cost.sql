-- What so many tokens cost at a rate in USD per million: nothing for none of them, and null where
-- the number or a rate that is needed is not known.
create or replace macro tokens_cost(tokens, rate) as
    case when tokens = 0 then 0.0 else tokens::double * rate / 1e6 end;
