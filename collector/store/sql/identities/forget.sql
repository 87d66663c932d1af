-- The decisions are told anew from their file. Bound: nothing.
delete from identity_act
