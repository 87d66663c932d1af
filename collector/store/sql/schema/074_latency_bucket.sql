-- The bucket of a duration: bucket b holds 1.025^(b - 1) < microseconds <= 1.025^b, so its
-- geometric middle is at most 1.25 % from every duration in it. Zero is in bucket 0 with 1 µs.
create or replace macro latency_bucket(duration_ms) as
    cast(ceil(ln(greatest(duration_ms * 1000, 1)) / ln(1.025)) as integer);
