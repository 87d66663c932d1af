-- The middle of a bucket of latency_bucket in milliseconds, at most 1.25 % from all it holds.
create or replace macro latency_of(bucket) as
    pow(1.025, bucket) * 2 / 2.025 / 1000;
