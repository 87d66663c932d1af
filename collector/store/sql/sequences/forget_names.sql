-- The names are told anew as they stand. Bound: nothing.
delete from sequence_name
