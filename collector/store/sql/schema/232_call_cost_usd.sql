-- What a call costs in USD, or null where something that matters is not known. A call with more
-- than long_input_tokens of input costs long_rates.
create or replace macro call_cost_usd(
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, rates, long_input_tokens, long_rates
) as call_cost_at(
    case
        when
            greatest(
                input_tokens::double,
                -- Told beside the input, they add to it.
                case
                    when coalesce(cache_read_tokens, 0)::double + coalesce(cache_write_tokens, 0)::double > input_tokens
                        then input_tokens::double + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
                end
            ) > long_input_tokens
            then long_rates
        else rates
    end,
    input_tokens::double,
    output_tokens::double,
    coalesce(cache_read_tokens, 0)::double,
    coalesce(cache_write_tokens, 0)::double
);
