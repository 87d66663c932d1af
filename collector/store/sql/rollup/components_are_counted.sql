-- Whether components are counted, or there is nothing to count. Bound: nothing.
select
    exists (from component_rollup)
    or not (
        exists (from action where model is not null or kind = 'tool' or framework is not null)
        or exists (from run where framework is not null)
    ) as are_counted;
