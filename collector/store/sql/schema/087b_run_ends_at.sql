-- When a run ends for being matched by time: after six hours at the latest, also when nobody told its end.
create or replace macro run_ends_at(started_at, duration_ms) as
    started_at + to_microseconds(cast(least(coalesce(duration_ms, 21600000), 21600000) * 1000 as bigint));
