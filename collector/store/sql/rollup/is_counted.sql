-- Whether anything is counted, and whether there is anything to count. Bound: nothing.
select
    exists (from agent_rollup) as is_counted,
    exists (from run) or exists (from action) or exists (from decision) as is_countable;
