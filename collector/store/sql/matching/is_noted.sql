-- Whether decisions outside of any trace are known, or there are none. Bound: nothing.
select
    exists (from loose_name)
    or not exists (from decision where trace_id is null and action is not null) as is_noted;
