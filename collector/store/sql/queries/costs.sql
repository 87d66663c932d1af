-- Calls of models and what they cost by agent and model, in steps of an hour or more.
-- Bound: $since, $until (timestamptz), $agent (or null), $bucket_s (seconds).
select
    time_bucket(to_seconds(greatest($bucket_s, 3600)), hour) as bucket,
    agent,
    model,
    provider,
    bool_or(sample) as sample,
    sum(calls)::bigint as calls,
    sum(unpriced_calls)::bigint as unpriced_calls,
    sum(told_calls)::bigint as told_calls,
    sum(cost_usd) as cost_usd,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(cache_write_tokens)::bigint as cache_write_tokens
from costs
where
    hour >= date_trunc('hour', cast($since as timestamptz))
    and hour < $until
    and ($agent is null or agent = $agent)
group by bucket, agent, model, provider
order by bucket, agent, model, provider;
