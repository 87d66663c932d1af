-- When a call ends for being matched by time: a minute after its start at the latest, so that
-- what is matched lies within two minutes. Kept from overflowing by a start that nobody means.
create or replace macro match_end_ns(start_ns, duration_ms) as
    least(start_ns, 9000000000000000000) + cast(least(coalesce(duration_ms, 0), 60000) * 1000000 as bigint);
