-- Until when noted actions are forgotten; null when none ever was. Bound: nothing.
select epoch_ns(max(before)) as thinned_ns
from sequence_thinned
