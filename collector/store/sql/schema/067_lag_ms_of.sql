-- The middle of a bucket of lags, in milliseconds; collector/completeness.py says how they grow.
create or replace macro lag_ms_of(bucket) as
    case
        when bucket = 0 then 0.0
        else sign(bucket) * (pow(1.25, abs(bucket) + 0.5) - 1)
    end;
