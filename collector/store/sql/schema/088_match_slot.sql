-- The slot of two minutes in which a moment lies: a call that ends in one slot is matched to a
-- decision in the same slot or the one before.
create or replace macro match_slot(at_ns) as
    at_ns // 120000000000;
