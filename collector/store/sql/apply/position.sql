-- The last sequence of the write-ahead log that has been applied. Bound: nothing.
select sequence
from position;
