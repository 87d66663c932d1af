-- Whether costs are counted, or there is nothing to count. Bound: nothing.
select
    exists (from cost_rollup)
    or not (
        exists (from action where kind in ('model', 'embedding') and outcome <> 'denied')
        or exists (from run where tells_usage and outcome <> 'denied')
    ) as are_counted;
