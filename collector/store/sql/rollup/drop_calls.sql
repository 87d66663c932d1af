-- Forget what was looked at to count all again. Bound: nothing.
drop view changed_call;
