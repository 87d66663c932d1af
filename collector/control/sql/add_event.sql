-- A transition that the collector shall hear of.
-- Bound: $event (JSON).
insert into spool (event)
values ($event);
