-- What a call costs at these rates, {input, output, cache_read, cache_write} in USD per million tokens.
-- cache_read and cache_write are part of the input; more of them than input were told beside it.
-- Tokens of reasoning are part of the output; a model without a rate for output gives none.
create or replace macro call_cost_at(rates, input, output, cache_read, cache_write) as
    tokens_cost(
        case when cache_read + cache_write > input then input else input - cache_read - cache_write end,
        rates.input
    )
    + tokens_cost(cache_read, rates.cache_read)
    + tokens_cost(cache_write, rates.cache_write)
    + tokens_cost(case when rates.output is null then coalesce(output, 0) else output end, rates.output);
