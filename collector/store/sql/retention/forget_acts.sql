-- The acts are told anew from their file. Bound: nothing.
delete from retention_act;
