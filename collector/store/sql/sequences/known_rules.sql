-- The rules whose matches are kept. Bound: nothing.
select rule, definition
from sequence_rule
order by rule
