-- Whether the rollups count all that is stored, and whether there is anything to count.
-- Bound: nothing.
select
    (select counted is not distinct from sequence from position) as is_counted,
    exists (from run) or exists (from action) or exists (from decision) as is_countable;
