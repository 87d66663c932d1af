-- The names are told anew from what was learnt and decided. Bound: nothing.
delete from agent_name
