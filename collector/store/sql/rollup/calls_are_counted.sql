-- Whether calls are counted, or there is nothing to count. Bound: nothing.
select
    exists (from call_rollup)
    or not exists (from action where kind in ('tool', 'model')) as are_counted;
